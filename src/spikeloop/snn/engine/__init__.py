"""The streaming engine: one sample, one step at a time, at a cost that falls with activity."""
