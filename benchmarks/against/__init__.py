"""Is this tree slower than another revision of it, and where? `make bench-against REV=<commit>`."""
