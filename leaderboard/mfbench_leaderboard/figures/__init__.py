"""Plotly figures from the data functions' results."""
