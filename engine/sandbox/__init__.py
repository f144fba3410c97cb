"""A provider to rehearse with, on loopback, that keeps its own log."""
