"""Optical flow from events."""
