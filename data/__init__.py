"""Envelopes, criteria, certificates and bench files that the program reads."""
