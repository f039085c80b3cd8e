"""The locomotion circuit of a worm as controller of swimmers, graded and spiking."""
