"""Motion by delays: coincidence patterns, and a detector of direction and speed."""
