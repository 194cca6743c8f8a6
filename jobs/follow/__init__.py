"""What a handle tells of a job that is recorded: its state, progress and log, and its end, which is pushed."""
