"""Layers made of neurons and synapses, one kind a file."""
