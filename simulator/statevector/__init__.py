"""Statevectors, the method that runs every program; `run` gives counts, a statevector or a unitary."""

from simulator.statevector.method import STATEVECTOR
from simulator.statevector.simulation import run

__all__ = ["STATEVECTOR", "run"]
