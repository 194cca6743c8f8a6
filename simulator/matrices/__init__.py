"""The numbers of a plan: matrices of gates, and their products for each block.

A `MatrixPlan` says once, for all angles, what is multiplied with what; `Swept` are angles that each row of a sweep
has for itself.
"""

from simulator.matrices.block_matrices import MatrixPlan
from simulator.matrices.gate_matrices import Swept

__all__ = ["MatrixPlan", "Swept"]
