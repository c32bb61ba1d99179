"""Reading and downloading structure files."""
