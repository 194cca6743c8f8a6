"""Qiskit circuits -> Programs: the only code that reads circuits. `jobs.rebuilding` is the way back."""

from jobs.lowering.circuits import lower, lower_template
from jobs.lowering.copies import Original
from jobs.lowering.errors import LoweringError

__all__ = ["LoweringError", "Original", "lower", "lower_template"]
