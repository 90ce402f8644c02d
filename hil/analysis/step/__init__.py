"""Step responses by the definitions of several standards."""
