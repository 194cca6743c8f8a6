"""The amplitudes that a run has and returns: of what type they are, and how they are finished."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.evolve import statevector
from simulator.kernels.result_amplitudes import to_complex
from simulator.monitor import Checkpoint
from simulator.options import Precision

_DTYPES: Mapping[Precision, type[Any]] = MappingProxyType({"double": np.complex128, "single": np.complex64})
#: Of circuits whose amplitudes are all real.
_REAL_DTYPES: Mapping[Precision, type[Any]] = MappingProxyType({"double": np.float64, "single": np.float32})


def finished_state(
    final: statevector.Statevector,
    global_phase: float,
    precision: Precision,
    chop_threshold: float,
    checkpoint: Checkpoint,
) -> NDArray[np.complexfloating]:
    """Return the amplitudes in order, with the global phase, and without what is too small."""
    factor = np.exp(1j * global_phase) if global_phase else 1
    return to_complex(final.ordered(checkpoint), _DTYPES[precision], factor, chop_threshold, checkpoint)


def amplitude_type(precision: Precision, *, real: bool) -> type[Any]:
    """Return the type of amplitudes: real where all of them are."""
    return (_REAL_DTYPES if real else _DTYPES)[precision]


def complex_type(precision: Precision) -> type[Any]:
    """Return the type of the amplitudes of a result."""
    return _DTYPES[precision]
