"""The rules of an episode: what a method is, what it is shown, and how a run is executed and kept."""
