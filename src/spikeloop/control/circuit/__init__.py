"""The locomotion circuit of a worm as controller of swimmers, graded and spiking."""

from spikeloop.offscreen import draw_without_display

draw_without_display()
