"""What a task is given and what it gives back, and the bytes of both."""
