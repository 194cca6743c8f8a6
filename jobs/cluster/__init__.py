"""The embedded cluster as a client sees it: shared by all clients of a user, or private to one block."""

from jobs.cluster.local import LocalCluster, SharedCluster

__all__ = ["LocalCluster", "SharedCluster"]
