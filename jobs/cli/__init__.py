"""The command ``basicaer``. One module for each idea; Qiskit is imported late, and only where it is needed."""

from jobs.cli.main import main

__all__ = ["main"]
