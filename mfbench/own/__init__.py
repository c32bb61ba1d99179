"""Your own system: labelled structures in, an adapted model with error bars, dynamics and a report out."""
