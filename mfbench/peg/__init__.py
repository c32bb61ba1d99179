"""A bridge to ml-peg (ddmms/ml-peg): a split as one of its benchmarks, and its models' numbers back."""
