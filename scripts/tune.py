"""Entry point: see ``mfbench_campaign.tuning.command``, or ``python scripts/tune.py --help``."""

from mfbench_campaign.tuning.command import main

if __name__ == "__main__":
    raise SystemExit(main())
