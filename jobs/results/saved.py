"""What circuits saved, as results have it: of the types that Aer's results have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import DensityMatrix, Statevector
from qiskit.result import ProbDistribution

from simulator.shards.result import SavedValue


def shown_value(saved: SavedValue, value: NDArray[Any]) -> Any:
    """Return a value as `Result.data` has it.

    A distribution has ints as its keys, each a basis state or what the clbits have, and leaves 0 out.
    """
    match saved.what:
        case "statevector":
            return Statevector(value.copy())
        case "density_matrix":
            return DensityMatrix(value.copy())
        case "expectation_value":
            return float(value[0])
        case "probability_distribution":
            (found,) = np.nonzero(value)
            keys = found.tolist() if not saved.clbits else [_word(index, saved.clbits) for index in found.tolist()]
            return ProbDistribution(dict(zip(keys, value[found].tolist(), strict=True)))
    return value.copy()


def plain_data(value: Any) -> Any:
    """Return a value of a result's data as JSON has it; a distribution has hex keys, as counts have."""
    if isinstance(value, ProbDistribution):
        return value.hex_probabilities()
    if isinstance(value, (np.ndarray, Statevector, DensityMatrix)):
        return plain_array(np.asarray(value))
    return value


def plain_array(values: NDArray[Any]) -> Any:
    """Return an array as lists; a complex number is ``[real, imaginary]``."""
    return (np.stack([values.real, values.imag], axis=-1) if values.dtype.kind == "c" else values).tolist()


def _word(index: int, clbits: tuple[tuple[int, ...], ...]) -> int:
    """Return what the clbits have where the measured qubits are an index."""
    return sum(1 << clbit for bit, several in enumerate(clbits) if index >> bit & 1 for clbit in several)
