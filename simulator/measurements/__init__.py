"""What is known of measurements before a program runs: which are final, how early each can be, what is a reset."""
