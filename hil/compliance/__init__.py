"""What is asked of a unit, as data, and how measurements stand against it."""
