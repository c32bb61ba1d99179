"""PyTorch baselines of mfbench: mace-torch models, meta-learners, method adapters (twin of mfbench_jax)."""

from mfbench.work.keep_memory import keep_freed_memory

keep_freed_memory()
