"""Entry point: see ``mfbench_campaign.filing.finished_runs``."""

from mfbench_campaign.filing.finished_runs import main

if __name__ == "__main__":
    raise SystemExit(main())
