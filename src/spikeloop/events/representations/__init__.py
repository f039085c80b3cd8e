"""Events as arrays for people and networks, one representation a file. None writes into its input.

Shapes are (channels or bins, height, width); channel 0 is OFF, channel 1 ON.
"""
