"""Visual place recognition: which place of a known route a picture shows."""
