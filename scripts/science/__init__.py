"""Parts of ``scripts/limits.py``: what the field worries about, measured, and the label factor."""
