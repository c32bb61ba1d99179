"""The networks without their framework: configurations, weight names and shapes, neighbour pairs."""
