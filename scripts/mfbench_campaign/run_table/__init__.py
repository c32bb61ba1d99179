"""A table of runs: ``runs`` reads, ``kept`` keeps, ``rows`` compares, ``page`` writes."""
