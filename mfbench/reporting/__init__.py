"""Tables and figures of runs and of splits."""
