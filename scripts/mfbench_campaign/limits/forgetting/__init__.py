"""What adapting to one family unlearns of the others."""
