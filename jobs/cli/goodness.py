"""Pearson's chi-squared test of counts against a distribution, in which no impossible state may occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import chdtri

#: Below this many expected counts a state does not stand alone: the test's approximation would fail.
_FEWEST = 5.0
#: Below this, a probability is rounding, and the state is impossible.
_ROUNDING = 1e-12
#: How often right counts are called wrong.
_FALSE_ALARMS = 1e-6


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
    # What chi-squared exceeds that often. As scipy.stats.chi2.isf, which takes half a second to import.
    bound = float(chdtri(degrees, _FALSE_ALARMS))
    reason = f"chi-squared {distance:.1f}, at most {bound:.1f} for {degrees + 1} groups of states"
    return Verdict(distance <= bound, reason)
