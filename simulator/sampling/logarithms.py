"""Natural logarithms that are the same on every machine, to draw geometric gaps by.

They are made of sums, products and quotients alone, which every machine rounds in the same way. Those of libraries
differ in their last digits, and NumPy's from one kind of processor to the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOG_2 = 0.6931471805599453
_SQRT_HALF = 0.7071067811865476
#: 1 / (2 k + 1): of the series log((1 + s) / (1 - s)) = 2 (s + s^3 / 3 + ...); |s| is at most 1/3 here.
_SERIES = tuple(1 / number for number in range(33, 0, -2))


def log(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural logarithms of numbers above 0, equal on every machine."""
    mantissas, exponents = np.frexp(numbers)
    low = mantissas < _SQRT_HALF
    mantissas = np.where(low, 2 * mantissas, mantissas)
    logs: NDArray[np.float64] = (exponents - low) * _LOG_2 + _twice_artanh((mantissas - 1) / (mantissas + 1))
    return logs


def log_of_rest(probability: float) -> float:
    """Return log(1 - p) for 0 < p < 1, also where p is small beside 1."""
    if probability < 0.5:  # noqa: PLR2004 (where the series ends)
        return float(_twice_artanh(np.array(-probability / (2 - probability))))
    return float(log(np.array([1 - probability]))[0])


def _twice_artanh(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = numbers * numbers
    total = np.full_like(numbers, _SERIES[0])
    for each in _SERIES[1:]:
        total = total * squares + each
    return 2 * numbers * total
