"""Training: one trainer, and learning rules, one a file."""
