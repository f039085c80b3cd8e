"""Event data: arrays, codecs, recordings, statistics, pictures. No ROS here."""
