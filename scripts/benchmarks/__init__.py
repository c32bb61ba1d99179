"""Speed and memory, measured: one command per file or folder."""
