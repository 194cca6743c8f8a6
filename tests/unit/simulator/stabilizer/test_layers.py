"""In which layers instructions are: their order holds wherever it can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from support.programs import h, program, x

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Pauli
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import IfElse, Instruction, Measure, Noise, Readout, Reset, Store
from simulator.monitor import no_checkpoint
from simulator.stabilizer.layering.compiler import compile_program
from simulator.stabilizer.run import run_shots

#: A channel that flips its qubit, and readout errors that always read another value of one clbit and of two.
FLIP = Channel(1, (1.0,), ((Pauli(1, 0),),))
MISREAD = Array.of(np.eye(2)[[1, 0]])
SHIFTED = [1, 2, 3, 0]
MISREAD_TOGETHER = Readout((1, 0), Array.of(np.eye(4)[SHIFTED]))


class Values:
    """The values of qubits and clbits along a circuit that leaves nothing to chance."""

    def __init__(self, num_qubits: int, num_clbits: int) -> None:
        self.qubits, self.clbits = [0] * num_qubits, [0] * num_clbits

    def after(self, kind: int, rng: np.random.Generator) -> Instruction:
        """Return an instruction of a kind, at random places, and take the values behind it."""
        qubits, clbits = self.qubits, self.clbits
        one, other = rng.permutation(len(qubits))[:2].tolist()
        bit, second = rng.permutation(len(clbits))[:2].tolist()
        match kind:
            case 0:
                qubits[one] ^= 1
                found: Instruction = Noise(0, (one,))
            case 1:
                qubits[other] ^= qubits[one]
                found = x(other, one)
            case 2:
                clbits[bit] = qubits[one]
                found = Measure(one, bit)
            case 3:
                qubits[one] = 0
                found = Reset(one)
            case 4:
                read = SHIFTED[clbits[bit] | clbits[second] << 1]
                clbits[bit], clbits[second] = read & 1, read >> 1
                found = Readout((bit, second), Array.of(np.eye(4)[SHIFTED]))
            case 5:
                clbits[bit] ^= 1
                found = Readout((bit,), MISREAD)
            case 6:
                qubits[one] ^= clbits[bit]
                found = IfElse(Clbit(bit), (x(one),))
            case _:
                clbits[bit] = clbits[second]
                found = Store(Clbit(bit), Clbit(second))
        return found


@pytest.mark.parametrize("seed", range(600))
def test_circuits_without_chance_give_what_they_say(seed: int) -> None:
    """Measurements over one another, misread alone, together and twice, noise behind them, conditions between."""
    rng = np.random.default_rng(seed)
    count, clbits = 7, 5
    values = Values(count, clbits)
    # Some circuits have none of a kind: what is often in another's way shows nothing.
    shares = np.array([2, 1, 3, *(2 * (rng.random(5) < 0.3))])
    kinds = rng.choice(8, int(rng.integers(2, 16)), p=shares / shares.sum()).tolist()
    instructions = [values.after(kind, rng) for kind in kinds]
    ends = [qubit for qubit in range(count) if rng.random() < 0.5]
    measures = [Measure(qubit, clbits + qubit) for qubit in ends]
    circuit = program(count, clbits + count, *instructions, *measures, channels=(FLIP,))
    last = [value if qubit in ends else 0 for qubit, value in enumerate(values.qubits)]
    (rows,) = run_shots(compile_program(circuit, no_checkpoint), seed=seed, shots=3)
    found = np.unpackbits(rows, axis=1, bitorder="little")[:, : clbits + count]
    assert found.tolist() == [values.clbits + last] * 3


def test_what_only_ends_in_measurements_measures_in_one_layer() -> None:
    """Whatever the layers are of the gates before: each layer takes its time."""
    count = 20
    ladder = [h(0), *(gate for qubit in range(count - 1) for gate in (x(qubit + 1, qubit), Noise(0, (qubit,))))]
    ends = [gate for qubit in range(count) for gate in (Measure(qubit, qubit), Readout((qubit,), MISREAD))]
    circuit = program(count, count, *ladder, *ends, channels=(FLIP,))
    layers = compile_program(circuit, no_checkpoint).segment.layers
    assert sum(layer.measures is not None for layer in layers) == 1
    assert sum(bool(layer.classical) for layer in layers) == 1


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ((Measure(0, 0), x(0, 1), Measure(1, 1)), [1, 1]),
        ((Measure(0, 0), IfElse(Clbit(0), (x(2),)), Measure(2, 1)), [1, 1]),
        ((Measure(0, 0), Store(Clbit(1), Clbit(0)), x(2, 0), Measure(2, 2)), [1, 1, 1]),
        ((Measure(0, 0), Store(Clbit(0), Clbit(1)), x(2, 1), x(2, 1), Measure(2, 2)), [0, 0, 0]),
        ((Measure(0, 0), MISREAD_TOGETHER, MISREAD_TOGETHER, x(2, 1), Measure(2, 2)), [0, 0, 1]),
        ((Measure(0, 0), Measure(3, 0), x(3, 1), x(2, 3), Measure(2, 1)), [0, 1]),
    ],
    ids=["used again", "tested", "copied", "overwritten", "misread together", "measured over"],
)
def test_what_is_seen_keeps_its_layer(instructions: tuple[Instruction, ...], expected: list[int]) -> None:
    """A measurement comes before what reads its clbit or writes it again, or uses its qubit: 0 and 1 are 1."""
    flips = (Noise(0, (0,)), Noise(0, (1,)))
    circuit = program(4, len(expected), *flips, *instructions, channels=(FLIP,))
    (rows,) = run_shots(compile_program(circuit, no_checkpoint), seed=1, shots=1)
    assert np.unpackbits(rows, axis=1, bitorder="little")[0, : len(expected)].tolist() == expected
