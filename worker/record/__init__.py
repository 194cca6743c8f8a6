"""The record in Redis, which decides: its keys, its scripts, the values that go in and out, and the line there."""
