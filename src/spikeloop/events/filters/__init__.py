"""Filters of events, one a file. None writes into what it is given."""
