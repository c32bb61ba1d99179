"""Entry point: see ``benchmarks.board``, or ``python scripts/bench_board.py --help``."""

from benchmarks.board import main

if __name__ == "__main__":
    raise SystemExit(main())
