"""Modes, sustained oscillations, impedance and stability margins."""
