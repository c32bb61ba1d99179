"""Entry point: see ``benchmarks.data``, or ``python scripts/bench_data.py --help``."""

from benchmarks.data import main

if __name__ == "__main__":
    raise SystemExit(main())
