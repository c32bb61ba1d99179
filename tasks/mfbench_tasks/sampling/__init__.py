"""Sampling geometries of a fragment, and the gates that each must pass."""
