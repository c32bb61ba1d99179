"""Entry point: see ``mfbench_campaign.family_gains``, or ``python scripts/gains.py --help``."""

from mfbench_campaign.family_gains import main

if __name__ == "__main__":
    raise SystemExit(main())
