"""Methods that need no training, and the energy baseline that every method shares."""
