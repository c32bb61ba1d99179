"""Families: which proteins or chemical environments belong together."""
