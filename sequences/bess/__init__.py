"""The tests T1 to T12 of a battery PCS for AI data centres."""
