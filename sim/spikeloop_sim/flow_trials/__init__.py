"""Optical flow from simulated events against the true flow."""
