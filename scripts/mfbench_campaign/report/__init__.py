"""RESULTS.md and the README's table, from records."""
