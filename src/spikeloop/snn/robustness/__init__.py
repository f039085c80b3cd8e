"""How much a network bears: corrupted events, and attacks."""
