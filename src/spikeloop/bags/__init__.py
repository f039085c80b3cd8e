"""Bags of any topics and types, read and brought to ROS 2's bytes without ROS."""
