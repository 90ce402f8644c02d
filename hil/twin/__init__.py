"""What all simulated instruments share: a server on loopback, SCPI grammar, planned faults."""
