"""Labels: energies and forces of geometries at a level of theory."""
