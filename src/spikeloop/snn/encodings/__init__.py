"""Values into spikes, one code a file. Functions give (time, ...) from values of any shape."""
