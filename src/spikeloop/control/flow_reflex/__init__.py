"""A spiking reflex on optical flow: keep to the middle, stop before what looms."""
