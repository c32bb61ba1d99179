"""mace-torch's network as pure functions on flat dictionaries of tensors."""
