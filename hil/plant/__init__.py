"""One electrical model and one clock, shared by all simulated instruments."""
