"""JAX baselines of mfbench: models, meta-learners and method adapters."""
