"""Sphinx directives of this site."""
