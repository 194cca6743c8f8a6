"""A run on a node: what it may take, whether it is still wanted, its lease, and what the node can do."""
