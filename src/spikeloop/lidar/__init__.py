"""Point clouds in files: Ouster packet captures and PCD."""
