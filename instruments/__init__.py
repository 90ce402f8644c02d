"""Drivers, one file per family of instruments, and beside each its simulated twin."""
