"""Measurements, resets and control flow: shots in the same state share one copy of it."""
