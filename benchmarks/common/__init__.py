"""What several benchmarks share: circuits, turns, the machine, a Redis with workers, and checks of answers."""
