"""Ways in which a construction comes by its families."""
