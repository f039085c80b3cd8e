"""Spiking perception, a folder for each task: model, training, evaluation."""
