"""Test sequences, one module each."""
