"""Long work of any kind: who owns its folder, what of it is finished, where it runs, how long it takes."""
