"""Pinned outcomes: any change of streams, plans or sampling that changes a user's counts is noticed here.

A release that must change them says so in its changelog, and changes the version of these pins.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from support.programs import h, measures, program, ry, x

from simulator import Program, run
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Measure, Reset, While

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


@pytest.mark.rule(32)
@pytest.mark.parametrize(
    ("circuit", "options", "counts", "memory"),
    [
        (BELL, {"seed": 42}, {"0x0": 1491, "0x3": 1509}, "bd57e34cc3d9060e"),
        (BELL, {"seed": 2**63 - 1}, {"0x0": 1452, "0x3": 1548}, "bd226eed7c87b55e"),
        (GHZ_LIKE, {"seed": 42}, {"0x0": 811, "0x3": 386, "0x4": 1624, "0x7": 179}, "aa2ddd5e76b903ec"),
        (
            GHZ_LIKE,
            {"seed": 42, "sample_measuring": False},
            {"0x0": 772, "0x3": 362, "0x4": 1684, "0x7": 182},
            "5f7601c6c555863d",
        ),
        (
            BELL,
            {"seed": 42, "initial_state": np.array([0.6, 0, 0, 0.8])},
            {"0x0": 558, "0x1": 933, "0x2": 991, "0x3": 518},
            "3235476e5d5dbddc",
        ),
        (
            TELEPORTATION,
            {"seed": 42},
            {"0x0": 514, "0x1": 525, "0x2": 551, "0x3": 562, "0x4": 218, "0x5": 207, "0x6": 208, "0x7": 215},
            "9fb1383361fcff72",
        ),
        (TRIES, {"seed": 42}, {"0x0": 530, "0x2": 2470}, "d04a405591f7c342"),
        (WIDE, {"seed": 42}, None, "e5757fc360192496"),
    ],
    ids=["bell", "large seed", "sampled", "one by one", "initial state", "teleportation", "tries", "fused"],
)
def test_outcomes_are_pinned(
    circuit: Program, options: dict[str, Any], counts: dict[str, int] | None, memory: str
) -> None:
    """The same program and seed give the same counts and memory in every release."""
    result = run(circuit, shots=3000, memory=True, **options)
    assert hashlib.sha256(" ".join(result.memory).encode()).hexdigest()[:16] == memory
    assert counts is None or result.counts == counts
