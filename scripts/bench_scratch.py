"""Entry point: see ``benchmarks.scratch_peer``, or ``python scripts/bench_scratch.py --help``."""

from benchmarks.scratch_peer import main

if __name__ == "__main__":
    raise SystemExit(main())
