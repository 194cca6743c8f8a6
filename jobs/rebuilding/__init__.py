"""Programs -> Qiskit circuits: the way back, for who fetches a job's circuits from another process."""

from jobs.rebuilding.circuits import rebuild
from jobs.rebuilding.observables import rebuild_observable

__all__ = ["rebuild", "rebuild_observable"]
