"""Power of AI loads over time: made, imported, scaled to a cluster, fitted to what replays it."""
