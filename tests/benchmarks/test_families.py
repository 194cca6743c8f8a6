from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from benchmarks.common.families import FAMILIES, feedback, teleportation
from benchmarks.engine import ours
from jobs import lower
from simulator import run


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("width", [5, 8])
def test_families_are_lowered_and_run(family, width):
    """What the benchmark compares with Aer is the circuit's state, in order."""
    circuit = FAMILIES[family](width)
    assert circuit.num_qubits == width
    assert abs(np.vdot(ours.ordered(circuit, "double"), Statevector(circuit).data)) == pytest.approx(1, abs=1e-10)
    assert FAMILIES[family](width) == circuit


def test_teleportation_moves_the_state():
    """The third qubit is 1 as often as the first was to be."""
    counts = run(lower(teleportation()), seed=1, shots=100_000).counts
    ones = sum(shots for key, shots in counts.items() if int(key, 16) & 4)
    assert ones / 100_000 == pytest.approx(np.sin(0.35) ** 2, abs=0.006)


def test_feedback_measures_every_round():
    """Each round has its clbit, and the last qubit one more."""
    assert feedback(5).num_clbits == 6
    assert sum(run(lower(feedback(5)), seed=1, shots=1000).counts.values()) == 1000
