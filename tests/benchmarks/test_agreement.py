from __future__ import annotations

import numpy as np
import pytest

from benchmarks.common.agreement import DisagreementError, check_answers


def _agree(one, other, precision="double"):
    check_answers({"one": one, "other": other}, 3, precision)


def _state(seed=1):
    state = np.random.default_rng(seed).standard_normal(16).view(complex)
    return state / np.linalg.norm(state)


def test_equal_answers_agree():
    """States and amplitudes may differ by a phase, counts by chance."""
    _agree(_state(), 1j * _state())
    _agree([0.3 + 0.4j, 0.1], [-0.4 + 0.3j, 0.1j])
    _agree([0j, 0j], [0j, 0j])
    _agree({"0x0": 480, "0x3": 520}, {"0x0": 510, "0x3": 490})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_state(1), _state(2)),
        (_state(), 2 * _state()),
        (_state(), np.full(8, np.nan)),
        ([0.5, 0.1], [0.5001, 0.1]),
        ([0.5, 0.1], [0.5, -0.1]),
        ([0.0], [float("nan")]),
        ({"0x0": 400, "0x3": 600}, {"0x0": 600, "0x3": 400}),
        ({"0x1": 1000}, {"0x2": 1000}),
        ({"0x0": 1000}, {"0x0": 999}),
    ],
    ids=[
        "other state",
        "norm",
        "nan",
        "amplitude",
        "relative phase",
        "nan amplitude",
        "frequencies",
        "other bit",
        "shots",
    ],
)
def test_different_answers_disagree(one, other):
    """Whatever is not the same physics is named, with both contenders."""
    with pytest.raises(DisagreementError, match="one and other disagree"):
        _agree(one, other)


def test_precision_sets_the_tolerance():
    """What rounding to single precision does is a disagreement in double precision only."""
    state = _state()
    off = state + 1e-5 * _state(2)
    _agree(state, off, "single")
    with pytest.raises(DisagreementError):
        _agree(state, off)
