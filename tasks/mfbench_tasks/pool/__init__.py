"""Pools: fragments and labels that several constructions share."""
