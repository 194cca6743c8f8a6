"""Qiskit circuits -> Programs: the only code that reads circuits. `jobs.rebuilding` is the way back."""

from jobs.errors import LoweringError
from jobs.lowering.circuits import lower, lower_template, metadata_of
from jobs.lowering.observables import pauli_sum
from jobs.lowering.rules import save_name
from jobs.lowering.template import CircuitTemplate

__all__ = ["CircuitTemplate", "LoweringError", "lower", "lower_template", "metadata_of", "pauli_sum", "save_name"]
