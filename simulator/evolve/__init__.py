"""Instructions without randomness act on statevectors: a plan with its numbers, run on one state or on many.

An `Evolution` runs on a `Statevector`; a `RowsEvolution` runs on all rows of a sweep at once.
"""

from simulator.evolve.evolution import Evolution
from simulator.evolve.rows import Columns, RowsEvolution, can_share_steps
from simulator.evolve.statevector import Statevector, with_qubits, without_qubit

__all__ = [
    "Columns",
    "Evolution",
    "RowsEvolution",
    "Statevector",
    "can_share_steps",
    "with_qubits",
    "without_qubit",
]
