"""Standard errors of expectation values that are means over shots, by each method."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from support.noise import depolarizing
from support.programs import h, program, ry, x

from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Instruction, Measure, Noise, Reset
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.execution import run_shard
from simulator.options import Method, Options
from simulator.shards.result import Outcome
from simulator.shards.shard import Experiment, Shard

#: Sums of strings that are random together, of one that is alone, and beside the identity; then of the identity,
#: of what is certain, and of nothing.
SUMS = (
    PauliSum((0, 0, 4, 0), (1, 3, 0, 0), (0.5, -1.25, 0.75, 100.0)),
    PauliSum((0,), (2,), (3.0,)),
    PauliSum((0, 0), (0, 1), (0.5, -0.5)),
    PauliSum((0, 0), (0, 0), (0.25, -1.0)),
    PauliSum((0,), (8,), (1.0,)),
    PauliSum((), (), ()),
)
CLIFFORD = (
    h(0), Measure(0, 0), Noise(0, (1,)), x(1, 0), h(2), Measure(2, 1), h(2), Noise(0, (2,)),
    IfElse(Clbit(1), (x(0), Gate("z", (2,)))), Reset(3),
)  # fmt: skip


def outcome(circuit: Program, method: Method, shots: int, first: int = 0) -> Outcome:
    options = Options("counts", shots, expectations=True, method=method)
    experiment = Experiment(0, 7, circuit, first=first, shots=shots, observables=SUMS)
    (found,) = run_shard(Shard(options, (experiment,))).outcomes
    assert isinstance(found, Outcome)
    assert found.failure is None, found.failure
    return found


def shot_values(circuit: Program, method: Method, shots: int) -> NDArray[np.float64]:
    """The values of each shot alone, shape (shots, sums)."""
    alone = [outcome(circuit, method, 1, first).expectations for first in range(shots)]
    return np.array([each.ndarray() for each in alone if each is not None])


@pytest.mark.parametrize(
    ("method", "instructions"),
    [
        ("stabilizer", CLIFFORD),
        ("statevector", CLIFFORD),
        ("matrix_product_state", CLIFFORD),
        ("statevector", (*CLIFFORD, ry(0.3, 1), Measure(1, 2), ry(0.8, 0))),
        ("matrix_product_state", (*CLIFFORD, ry(0.3, 1), Measure(1, 2), ry(0.8, 0))),
        # Shots part, so that several tableaus have some each.
        ("stabilizer", (*CLIFFORD, IfElse(Clbit(0), (h(1),)), Measure(1, 2))),
    ],
)
def test_errors_are_those_of_the_shots(method: Method, instructions: tuple[Instruction, ...]) -> None:
    """The deviation of the values of all shots, each run alone, over the root of their number."""
    circuit = program(4, 3, *instructions, channels=(depolarizing(0.2),))
    shots = 250
    values = shot_values(circuit, method, shots)
    found = outcome(circuit, method, shots)
    assert found.expectations is not None and found.standard_errors is not None
    np.testing.assert_allclose(found.expectations.ndarray(), values.mean(axis=0), rtol=0, atol=1e-10)
    errors = found.standard_errors.ndarray()
    np.testing.assert_allclose(errors, values.std(axis=0) / np.sqrt(shots), rtol=1e-9, atol=1e-12)
    assert errors[:3].min() > 0
    assert errors[3:].max() < 1e-15


@pytest.mark.parametrize("method", ["stabilizer", "statevector", "density_matrix", "matrix_product_state"])
def test_exact_values_have_none(method: Method) -> None:
    """Where nothing is random but the end, a value is no mean."""
    circuit = program(4, 1, h(0), x(1, 0), Measure(0, 0))
    assert outcome(circuit, method, 10).standard_errors is None


def test_stabilizers_take_in_all_shots_of_many_blocks() -> None:
    """Far more shots than are looked at together: of a fair coin, whose error is one over their root."""
    circuit = program(4, 1, h(1), Measure(1, 0), IfElse(Clbit(0), (Gate("z", (0,)),)))
    shots = 100_001
    found = outcome(circuit, "stabilizer", shots)
    assert found.expectations is not None and found.standard_errors is not None
    mean = found.expectations.ndarray()[1] / 3
    assert abs(mean) < 5 / np.sqrt(shots)
    assert found.standard_errors.ndarray()[1] == pytest.approx(3 * np.sqrt((1 - mean**2) / shots), rel=1e-9)
