"""Agreement of the simulated event camera with brute force; task `evcam`."""
