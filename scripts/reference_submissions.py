"""Entry point: see ``mfbench_campaign.filing.reference_rows``."""

from mfbench_campaign.filing.reference_rows import main

if __name__ == "__main__":
    raise SystemExit(main())
