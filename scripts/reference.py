"""Entry point: see ``mfbench_campaign.reference.command``, or ``python scripts/reference.py --help``."""

from mfbench_campaign.reference.command import main

if __name__ == "__main__":
    raise SystemExit(main())
