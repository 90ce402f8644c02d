"""Powers, sequences, frequency and phase over time."""
