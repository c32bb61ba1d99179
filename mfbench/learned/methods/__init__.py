"""The reference methods, written once for every backend."""

from mfbench.learned.methods.factories import learned_methods

__all__ = ["learned_methods"]
