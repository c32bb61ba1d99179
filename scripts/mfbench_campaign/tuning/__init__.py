"""How each method adapts, chosen on validation families."""
