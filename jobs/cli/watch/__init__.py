"""``basicaer watch``: a cluster on one screen, and a job on another."""

from jobs.cli.watch.command import watch

__all__ = ["watch"]
