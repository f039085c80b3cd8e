"""Task metrics, footprint, synaptic operations and energy."""
