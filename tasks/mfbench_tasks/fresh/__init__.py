"""Fresh test data: configurations and fragments that nobody has seen."""
