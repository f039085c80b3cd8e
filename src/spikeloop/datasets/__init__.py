"""Data sets of others, read in their own layouts; all take the folder that `--data` names."""
