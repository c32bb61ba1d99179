"""The reference runs on the mini splits, and their tables."""
