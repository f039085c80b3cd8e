"""ROS 2 nodes, one a file, each thin around a core that knows no ROS."""
