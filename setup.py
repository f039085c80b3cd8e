"""For pip: the library and the command line. Nodes and messages are built by colcon."""

from setuptools import find_packages, setup

setup(packages=find_packages("src", include=["spikeloop*"]) + find_packages("sim"))
