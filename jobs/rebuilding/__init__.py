"""Programs -> Qiskit circuits: the way back, for who fetches a job's circuits from another process."""

from jobs.rebuilding.circuits import rebuild

__all__ = ["rebuild"]
