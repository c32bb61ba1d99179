"""The reference methods, written once for every backend."""
