"""Controllers, one folder each, and the gate between them and the actuators."""
