"""Parts of ``scripts/bench_meta.py``."""
