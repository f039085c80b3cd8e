"""The simulated event camera: renderer, geometry, interpolation, pixels, read-out."""
