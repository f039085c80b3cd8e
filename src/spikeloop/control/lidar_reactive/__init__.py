"""Driving to a goal past obstacles by LiDAR alone, without a map."""
