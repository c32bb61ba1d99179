"""Equivariant force fields as pure functions on flat dictionaries of arrays."""
