"""Your own system: labelled structures in, an adapted model with its error bars and reports out."""
