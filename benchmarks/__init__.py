"""Benchmarks, one suite a file, run by `spikeloop bench SUITE`."""
