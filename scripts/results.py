"""Entry point: see ``mfbench_campaign.report.command``, or ``python scripts/results.py --help``."""

from mfbench_campaign.report.command import main

if __name__ == "__main__":
    raise SystemExit(main())
