"""The data set's card and metadata, generated from the data: ``python -m mfbench_tasks card FOLDER``."""
