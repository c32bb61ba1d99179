"""A table of runs of ``mfbench evaluate``: ``rows`` has the numbers, ``page`` the text."""
