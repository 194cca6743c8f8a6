"""Pinned outcomes: any change of streams, plans or sampling that changes a user's counts is noticed here.

A release that must change them says so in its changelog, and changes the version of these pins.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from programs import h, measures, program, ry, x

from simulator import Program, run
from simulator.expression import Clbit
from simulator.instructions import Gate, IfElse, Measure, Reset, While

BELL = program(2, 2, h(0), x(1, 0), *measures(2))
WIDE = program(
    14, 14, *(ry(0.3 * qubit, qubit) for qubit in range(14)), *(x(q, q - 1) for q in range(1, 14)), *measures(14)
)
TELEPORTATION = program(
    3,
    3,
    *(Gate("u", (0,), (1.1, 0.2, 0.3)), h(1), x(2, 1), x(1, 0), h(0), Measure(0, 0), Measure(1, 1)),
    *(IfElse(Clbit(1), (x(2),)), IfElse(Clbit(0), (Gate("z", (2,)),)), Measure(2, 2)),
)
TRIES = program(
    2,
    2,
    x(1),
    ry(1.0, 0),
    Measure(0, 0),
    While(Clbit(0), (Reset(0), ry(1.0, 0), x(1), Measure(0, 0))),
    Measure(1, 1),
)

GHZ_LIKE = program(3, 3, ry(0.9, 0), x(1, 0), ry(1.9, 2), x(2, 1), *measures(3))


@pytest.mark.parametrize(
    ("circuit", "options", "counts", "memory"),
    [
        (BELL, {"seed": 42}, {"0x0": 1503, "0x3": 1497}, "f2b82347d5882fb3"),
        (BELL, {"seed": 2**63 - 1}, {"0x0": 1493, "0x3": 1507}, "92d9fd6b643b7dc2"),
        (GHZ_LIKE, {"seed": 42}, {"0x0": 801, "0x3": 404, "0x4": 1631, "0x7": 164}, "d2ef129bf2f1e0d3"),
        (
            GHZ_LIKE,
            {"seed": 42, "sample_measuring": False},
            {"0x0": 805, "0x3": 388, "0x4": 1645, "0x7": 162},
            "140a170944ebddde",
        ),
        (
            BELL,
            {"seed": 42, "initial_state": np.array([0.6, 0, 0, 0.8])},
            {"0x0": 549, "0x1": 954, "0x2": 971, "0x3": 526},
            "38e9db5d05b5b89f",
        ),
        (
            TELEPORTATION,
            {"seed": 42},
            {"0x0": 545, "0x1": 541, "0x2": 541, "0x3": 577, "0x4": 203, "0x5": 177, "0x6": 214, "0x7": 202},
            "fbc636a1fb36f0db",
        ),
        (TRIES, {"seed": 42}, {"0x0": 551, "0x2": 2449}, "87684edfa80e807c"),
        (WIDE, {"seed": 42}, None, "d54278213a694053"),
    ],
    ids=["bell", "large seed", "sampled", "one by one", "initial state", "teleportation", "tries", "fused"],
)
def test_outcomes_are_pinned(
    circuit: Program, options: dict[str, Any], counts: dict[str, int] | None, memory: str
) -> None:
    """Rule 32: the same program and seed give the same counts and memory in every release."""
    result = run(circuit, shots=3000, memory=True, **options)
    assert hashlib.sha256(" ".join(result.memory).encode()).hexdigest()[:16] == memory
    assert counts is None or result.counts == counts
