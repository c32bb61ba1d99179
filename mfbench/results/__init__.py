"""What a run found: its results file, and how it is scored."""
