"""Each method writes clbits of any number, with noise and without: a memory may be wider than a machine's word."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from support.noise import channel
from support.programs import program, x

from simulator.choice import ENGINES
from simulator.circuit.array import Array
from simulator.circuit.channel import Pauli
from simulator.circuit.instructions import Measure, Noise, Readout
from simulator.circuit.program import Program
from simulator.monitor import SILENT, no_checkpoint
from simulator.options import Options

OPTIONS = Options("counts", 100)
WIDTHS = (4, 62, 63, 64, 65, 128, 1000)


def spread(width: int, *, noisy: bool) -> tuple[Program, int]:
    """Qubits 0, 1, 2 measured into the first, a middle and the last clbit; what all shots remember."""
    clbits = 0, width // 2, width - 1
    measures = [Measure(qubit, clbit) for qubit, clbit in enumerate(clbits)]
    if not noisy:
        return program(3, width, x(0), x(2), *measures), 1 | 1 << clbits[2]
    # An error that is certain on qubit 1, and the last clbit always read wrong.
    steps = [
        x(0),
        x(2),
        Noise(0, (1,)),
        *measures,
        Readout((clbits[2],), Array.of(np.array([[0.0, 1.0], [1.0, 0.0]]))),
    ]
    return program(3, width, *steps, channels=(channel(1, (1.0, (Pauli(1, 0),))),)), 1 | 1 << clbits[1]


CASES = [
    pytest.param(engine, made, memory, id=f"{engine.method}-{width}-{'noisy' if noisy else 'ideal'}-{index}")
    for index, engine in enumerate(ENGINES)
    for width in WIDTHS
    for noisy in (False, True)
    for made, memory in (spread(width, noisy=noisy),)
    if engine.refusal(made, replace(OPTIONS, method=engine.method)) is None
]


@pytest.mark.rule(28, 41)
@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize(("engine", "made", "memory"), CASES)
def test_clbits_of_any_number(engine, made, memory, remembered):
    """Every shot has the memory that is certain, and no bit beyond a word's last is lost."""
    prepared = engine.prepare(made, replace(OPTIONS, method=engine.method, memory=remembered), (), no_checkpoint)
    result = prepared.run(seed=1, first=0, shots=OPTIONS.shots, monitor=SILENT)
    assert result.counts == {hex(memory): OPTIONS.shots}
    assert result.memory == ([hex(memory)] * OPTIONS.shots if remembered else None)


@pytest.mark.parametrize("noisy", [False, True])
def test_each_method_is_tried(noisy):
    """With noise as without, more than one engine runs the circuits above."""
    made, _ = spread(1000, noisy=noisy)
    assert len([each for each in ENGINES if each.refusal(made, OPTIONS) is None]) > 2
