"""Clifford circuits of up to 10,000 qubits, with Pauli noise: a tableau and Pauli frames in place of amplitudes.

`simulator.choice` takes its `STABILIZER`, an engine as every method's.
"""

from simulator.stabilizer.engine import STABILIZER

__all__ = ["STABILIZER"]
