"""Entry point: see ``mfbench_campaign.command``, or ``python scripts/campaign.py --help``."""

from mfbench_campaign.command import main

if __name__ == "__main__":
    raise SystemExit(main())
