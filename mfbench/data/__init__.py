"""Configurations, splits and their files: what a benchmark task is made of."""
