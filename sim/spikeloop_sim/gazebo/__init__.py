"""Our worlds and robots for Gazebo, and what bridges it to ROS."""
