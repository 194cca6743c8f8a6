"""A Redis with workers that a test can kill, stop, cut off and squeeze."""
