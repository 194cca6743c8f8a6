"""Density matrices, as 4^n real coefficients over Pauli strings: noise is exact, and nothing is drawn but counts.

The engine of statevectors evolves them: a gate, with the noise behind it, is a real matrix over two bits a qubit.
"""

from simulator.density.method import DENSITY_MATRIX

__all__ = ["DENSITY_MATRIX"]
