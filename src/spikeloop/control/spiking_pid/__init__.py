"""A spiking altitude controller: two spiking networks that see the error alone."""
