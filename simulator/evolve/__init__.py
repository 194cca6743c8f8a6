"""Instructions without randomness act on statevectors: a plan with its numbers, run on one state or on many.

An `Evolution` runs on a `Statevector`, and `Statevectors` are several that branches share; a `RowsEvolution` runs
on all rows of a sweep at once.
"""

from simulator.evolve.evolution import Evolution
from simulator.evolve.rows import Columns, RowsEvolution
from simulator.evolve.statevector import Statevector
from simulator.evolve.statevectors import Statevectors

__all__ = [
    "Columns",
    "Evolution",
    "RowsEvolution",
    "Statevector",
    "Statevectors",
]
