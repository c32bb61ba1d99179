"""Entry point: see ``mfbench_campaign.admission``, or ``python scripts/admission.py --help``."""

from mfbench_campaign.admission import main

if __name__ == "__main__":
    raise SystemExit(main())
