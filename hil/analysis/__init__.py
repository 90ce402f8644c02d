"""Quantities from waveforms: pure functions, one module per family; no I/O, no assumed rate or frequency."""
