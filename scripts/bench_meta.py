"""Entry point: see ``benchmarks.meta.command``, or ``python scripts/bench_meta.py --help``."""

from benchmarks.meta.command import main

if __name__ == "__main__":
    raise SystemExit(main())
