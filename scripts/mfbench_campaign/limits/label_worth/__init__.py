"""How many labels of training from scratch a method is worth."""
