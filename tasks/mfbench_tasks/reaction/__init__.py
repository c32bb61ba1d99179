"""Enzyme reactions: near-attack complexes, biased scans, and configurations along and off the path."""
