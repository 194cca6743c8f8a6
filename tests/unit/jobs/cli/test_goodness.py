"""The demo's check of counts against a distribution."""

import numpy as np
import pytest
from scipy.stats import chi2

from jobs.cli.goodness import compare

UNIFORM = {f"{n:03b}": 1 / 8 for n in range(8)}


@pytest.mark.parametrize("degrees", [1, 2, 7, 100])
def test_the_bound_is_exceeded_once_in_a_million(degrees):
    """The bound is chi-squared's quantile at 1 - 1e-6."""
    states = [f"{n:08b}" for n in range(degrees + 1)]
    verdict = compare(dict.fromkeys(states, 100), dict.fromkeys(states, 1 / len(states)))
    assert f"at most {chi2.isf(1e-6, degrees):.1f} for" in verdict.reason


def test_samples_of_the_distribution_fit():
    """Counts drawn from the distribution itself pass."""
    drawn = np.random.default_rng(1).multinomial(4096, list(UNIFORM.values()))
    assert compare(dict(zip(UNIFORM, map(int, drawn), strict=True)), UNIFORM).fits


def test_a_bias_is_seen():
    """A tenth too many in one of eight states fails at 20,000 shots."""
    counts = dict.fromkeys(UNIFORM, 2500) | {"000": 2750, "111": 2250}
    assert not compare(counts, UNIFORM).fits


def test_an_impossible_state_fails_however_rare():
    """One shot of a state with probability 0 is enough."""
    verdict = compare({"000": 9999, "001": 1}, {"000": 1.0, "001": 0.0})
    assert not verdict.fits
    assert "001" in verdict.reason


def test_rare_states_count_together():
    """States of fewer than five expected counts are compared as one, so one stray shot is no alarm."""
    rare = {"000": 0.99} | {f"{n:03b}": 0.01 / 7 for n in range(1, 8)}
    assert compare({"000": 995, "001": 5}, rare).fits
    assert not compare({"000": 900, "001": 100}, rare).fits


def test_no_shots_fit_nothing():
    """A result without counts is a failure, not a vacuous success."""
    assert not compare({}, UNIFORM).fits
