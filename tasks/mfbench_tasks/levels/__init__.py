"""The construction ``levels``: tasks that are a family at a level of theory."""
