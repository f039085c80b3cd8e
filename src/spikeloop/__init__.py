"""spikeloop: spiking perception and control in one ROS 2 loop."""
