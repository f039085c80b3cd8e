"""Starts our processes: launch descriptions of missions and nodes, and their supervision."""
