"""The gate: the last stage before the actuators."""
