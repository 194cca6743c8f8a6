"""The numbers of a plan: matrices of gates, and products of many of them at once.

`GateNumbers` has the entries of all gates' matrices, and `Products` are what is multiplied of them, each said once
for all angles. A `MatrixPlan` says it for the blocks of a plan by chunks. `Swept` are angles that each row of a
sweep has for itself.
"""

from simulator.matrices.block_matrices import MatrixPlan
from simulator.matrices.gate_matrices import Swept
from simulator.matrices.numbers import GateNumbers
from simulator.matrices.products import Products

__all__ = ["GateNumbers", "MatrixPlan", "Products", "Swept"]
