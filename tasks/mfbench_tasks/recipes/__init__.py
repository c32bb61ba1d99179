"""Recipes: everything that decides what a split holds."""
