"""Qualify battery power conversion systems: drive a bench, capture, analyse, judge, record."""
