"""A table of runs of ``mfbench evaluate``: ``runs`` reads, ``rows`` compares, ``page`` writes."""
