"""A table of runs of ``mfbench evaluate``: read (``runs``), compared (``rows``), written down (``page``)."""
