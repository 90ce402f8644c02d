"""What reaches the grid of the swings of a load."""
