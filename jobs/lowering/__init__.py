"""Qiskit circuits -> Programs, and back: the only code that reads or rebuilds circuits."""

from jobs.lowering.circuits import lower, lower_template
from jobs.lowering.copies import Original
from jobs.lowering.errors import LoweringError
from jobs.rebuilding import rebuild

__all__ = ["LoweringError", "Original", "lower", "lower_template", "rebuild"]
