"""Benchmarks: each room answers one question, beside a peer, and is run as `python -m benchmarks.ROOM`."""
