"""Worlds, procedural from a seed."""
