"""A plan with its numbers, run on one state or on many."""
