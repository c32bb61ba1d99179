"""What the field worries about, measured: one module or folder per question."""
