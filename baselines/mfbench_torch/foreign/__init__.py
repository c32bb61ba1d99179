"""Models of other people: one file per family, and the strategies by which all of them are fine-tuned."""
