"""How the families of committed tables were chosen, once and for all."""
