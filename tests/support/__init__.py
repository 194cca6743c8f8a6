"""What the tests share: circuits, strategies, oracles, and real Redis servers and workers to run."""
