"""What a split promises and what it might leak: checks, near-duplicates, overlap with training."""
