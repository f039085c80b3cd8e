"""Slicers: streams of events cut into slices, every event in exactly one."""
