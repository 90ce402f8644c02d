"""The measuring chain: what a channel reads, and what was there."""
