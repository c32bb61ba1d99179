"""Labels at any level of theory: the levels, their engines, and the queues that label many molecules."""
