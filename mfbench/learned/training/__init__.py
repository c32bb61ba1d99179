"""Training without its framework: settings, phases, and the order in which data are seen."""
