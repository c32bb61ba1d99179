"""Entry point: see ``mfbench_campaign.limits.command``, or ``python scripts/limits.py --help``."""

from mfbench_campaign.limits.command import main

if __name__ == "__main__":
    raise SystemExit(main())
