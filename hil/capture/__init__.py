"""Captures on disk: the block log while running, sealed HDF5 after, foreign formats by suffix."""
