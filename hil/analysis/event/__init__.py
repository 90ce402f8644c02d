"""Voltage events, and what a unit did in them."""
