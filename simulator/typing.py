"""Names for the arrays and small tuples that many modules pass to each other."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Amplitudes of states, or numbers to multiply them by: complex128, complex64, float64 or float32.
Amplitudes: TypeAlias = NDArray[Any]
#: Matrices of gates and of blocks, or their entries, before they are converted to a state's type.
Matrices: TypeAlias = NDArray[np.complex128]
#: Indices into an array.
Indices: TypeAlias = NDArray[np.intp]
#: Pairs (bit, value): an operation acts only where each bit has its value.
Controls: TypeAlias = tuple[tuple[int, int], ...]
#: Radians: a number, or an array of them.
Angle: TypeAlias = float | NDArray[np.float64]
