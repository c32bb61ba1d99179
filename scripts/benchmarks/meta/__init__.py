"""Time and memory of meta-learning on MACE."""
