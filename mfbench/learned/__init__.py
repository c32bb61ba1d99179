"""What the backends share: settings, checkpoints, weights and their names. NumPy and safetensors only."""
