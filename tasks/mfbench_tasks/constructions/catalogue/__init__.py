"""The constructions of this project, one file each."""
