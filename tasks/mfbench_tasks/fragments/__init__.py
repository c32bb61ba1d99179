"""Cutting fragments out of structures: capped, protonated, with the right charge."""
