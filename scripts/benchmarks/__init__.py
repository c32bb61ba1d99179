"""What the benchmarks of speed share."""
