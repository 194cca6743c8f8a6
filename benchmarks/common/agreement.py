"""Whether two contenders computed the same. A figure of one that did not is never shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Wider states are compared by a few of their amplitudes.
WHOLE_STATES_UP_TO = 16
#: How many those are, besides the first and the last.
_BASIS_STATES = 14
#: By precision: how far |<a|b>| may be from 1.
_OVERLAP = {"double": 1e-10, "single": 1e-4}
#: By precision: how far an amplitude may be off, in units of the largest that is compared.
_AMPLITUDE = {"double": 1e-8, "single": 1e-2}
#: Standard deviations that two frequencies may differ by.
_DEVIATIONS = 6.0
#: Outcomes that are expected less often than this are counted together.
_RARE = 5.0


class DisagreementError(Exception):
    """Two contenders do not give the same; the message says by how much."""


def basis_states(num_qubits: int) -> list[int]:
    """Return the basis states whose amplitudes stand for a state: one if it is compared as a whole, too."""
    if num_qubits <= WHOLE_STATES_UP_TO:
        return [0]
    return [
        0,
        (1 << num_qubits) - 1,
        *np.random.default_rng(1).integers(1 << num_qubits, size=_BASIS_STATES).tolist(),
    ]


def check_answers(answers: Mapping[str, Any], num_qubits: int, precision: str) -> None:
    """Compare what each contender, by its name, answered with the first: counts, a state, or some amplitudes."""
    (name, reference), *others = answers.items()
    for other, answer in others:
        try:
            if isinstance(answer, Mapping):
                check_counts(reference, answer)
            elif isinstance(answer, np.ndarray):
                check_states(reference, answer, precision)
            else:
                check_amplitudes(reference, answer, num_qubits, precision)
        except DisagreementError as error:
            raise DisagreementError(f"{name} and {other} disagree: {error}") from None


def check_states(one: NDArray[Any], other: NDArray[Any], precision: str) -> None:
    """Compare states of the same order, up to a global phase."""
    overlap = abs(complex(np.vdot(one, other)))
    if not abs(overlap - 1) < _OVERLAP[precision]:
        raise DisagreementError(f"|<a|b>| is {overlap:.12g}")


def check_amplitudes(one: Sequence[complex], other: Sequence[complex], num_qubits: int, precision: str) -> None:
    """Compare a few amplitudes, up to a common phase."""
    first, second = np.asarray(one), np.asarray(other)
    common = np.vdot(second, first)
    off = np.abs(first - second * (common / abs(common) if common else 1)).max()
    typical = max(*np.abs(first), *np.abs(second), 2 ** (-num_qubits / 2))
    if not off < _AMPLITUDE[precision] * typical:
        raise DisagreementError(f"amplitudes of up to {typical:.3g} differ by {off:.3g}")


def check_counts(one: Mapping[str, int], other: Mapping[str, int]) -> None:
    """Compare the number of shots, and how often each bit of the hex keys is 1."""
    shots = sum(one.values())
    if shots != sum(other.values()):
        raise DisagreementError(f"{shots} and {sum(other.values())} shots")
    ones = [_ones(counts) for counts in (one, other)]
    for bit in sorted(ones[0].keys() | ones[1].keys()):
        first, second = (each.get(bit, 0) for each in ones)
        mean = (first + second) / (2 * shots)
        deviation = math.sqrt(2 * shots * mean * (1 - mean))
        if abs(first - second) > _DEVIATIONS * deviation:
            raise DisagreementError(f"clbit {bit} is 1 in {first} and {second} of {shots} shots")


def check_distribution(counts: Mapping[str, int], probabilities: NDArray[Any]) -> None:
    """Compare counts with exact probabilities: Pearson's chi-squared, rare outcomes taken together.

    ``probabilities`` has shape (2^n,); qubit i of its index is bit i of the hex keys.
    """
    observed = np.zeros(len(probabilities))
    for key, times in counts.items():
        observed[int(key, 16)] += times
    expected = observed.sum() * probabilities
    rare = expected < _RARE
    expected = np.append(expected[~rare], expected[rare].sum())
    observed = np.append(observed[~rare], observed[rare].sum())
    chi_squared = float(((observed - expected) ** 2 / np.maximum(expected, 1.0)).sum())
    # As many terms, each of mean 1 and variance 2, or a little more where the mean count is small.
    limit = len(expected) + _DEVIATIONS * math.sqrt(2 * len(expected)) + _DEVIATIONS**2
    if not chi_squared < limit:
        raise DisagreementError(
            f"chi-squared of {len(expected)} outcomes is {chi_squared:.4g}; at most {limit:.4g}"
        )


def _ones(counts: Mapping[str, int]) -> dict[int, int]:
    """Return bit -> the shots in which it is 1."""
    keys = [int(key, 16) for key in counts]
    shots = np.fromiter(counts.values(), np.int64, len(counts))
    width = max((key.bit_length() for key in keys), default=0)
    return {bit: int(shots[[bool(key >> bit & 1) for key in keys]].sum()) for bit in range(width)}
