"""Do these counts come from that distribution? Pearson's chi-squared test, and nothing impossible."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

#: Below this many expected counts a state does not stand alone: the test's approximation would fail.
_FEWEST = 5.0
#: Below this, a probability is rounding, and the state is impossible.
_ROUNDING = 1e-12
#: The standard normal's quantile: right counts are called wrong once in a million tests.
_QUANTILE = 4.753


@dataclass(frozen=True)
class Verdict:
    """Whether counts fit a distribution, and the figures that say so."""

    fits: bool
    reason: str


def compare(counts: Mapping[str, int], expected: Mapping[str, float]) -> Verdict:
    """Test counts against exact probabilities; states that are not in ``expected`` are impossible."""
    shots = sum(counts.values())
    impossible = sorted(state for state in counts if expected.get(state, 0.0) < _ROUNDING)
    if not shots or impossible:
        example = f", {impossible[0]} for one" if impossible else ""
        return Verdict(False, f"{len(impossible)} impossible states in {shots} shots{example}")
    # (observed, expected) of each state that stands alone, and of the rare ones together
    rare = [state for state, probability in expected.items() if probability * shots < _FEWEST]
    bins = [(counts.get(state, 0), p * shots) for state, p in expected.items() if p * shots >= _FEWEST]
    if rare:
        bins.append((sum(counts.get(state, 0) for state in rare), shots * sum(expected[state] for state in rare)))
    if len(bins) == 1:
        return Verdict(True, f"the one possible answer in all {shots} shots")
    distance = sum((seen - mean) ** 2 / mean for seen, mean in bins)
    degrees = len(bins) - 1
    bound = chi_squared_quantile(degrees)
    reason = f"chi-squared {distance:.1f}, at most {bound:.1f} for {degrees + 1} groups of states"
    return Verdict(distance <= bound, reason)


def chi_squared_quantile(degrees: int) -> float:
    """Return what chi-squared exceeds once in a million, by Wilson and Hilferty's formula.

    It lies up to 15 % above the true value for one degree of freedom, and 4 % from seven on.
    """
    spread = 2 / (9 * degrees)
    return degrees * (1 - spread + _QUANTILE * math.sqrt(spread)) ** 3
