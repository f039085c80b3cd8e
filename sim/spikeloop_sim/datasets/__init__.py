"""Recorded data sets of simulated worlds, with all ground truth; `spikeloop sim record`."""
