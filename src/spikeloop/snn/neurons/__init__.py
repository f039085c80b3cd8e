"""Neuron models, one a file. Each has a functional step and a module."""
