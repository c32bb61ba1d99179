"""The data set's card and metadata, generated from the data: ``mfbench data card FOLDER``."""
