"""Keeping a lane by what a sensor of the lane tells."""
