"""Matrix product states: one tensor a qubit, for circuits of many qubits that entangle few of them.

The cost is that of the bonds between the tensors, not of 2^n amplitudes. Nothing is cut off unless it is asked
for, but what a double cannot hold beside the rest.
"""

from simulator.mps.method import MATRIX_PRODUCT_STATE

__all__ = ["MATRIX_PRODUCT_STATE"]
