"""What shots remember, by each method: clbits of any number, and clbits that are written and misread twice."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from support.exact import assert_likely, distribution
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
    if engine.refusal(made, replace(OPTIONS, method=engine.method), no_checkpoint) is None
]


@pytest.mark.rule(28, 41)
@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize(("engine", "made", "memory"), CASES)
def test_clbits_of_any_number(engine, made, memory, remembered):
    """Every shot has the memory that is certain, and no bit beyond a word's last is lost."""
    prepared = engine.prepare(made, replace(OPTIONS, method=engine.method, memory=remembered), (), no_checkpoint)
    result = prepared.run(seed=1, first=0, shots=OPTIONS.shots, monitor=SILENT)
    assert result.keyed == (
        {hex(memory): OPTIONS.shots},
        [hex(memory)] * OPTIONS.shots if remembered else None,
    )


@pytest.mark.parametrize("noisy", [False, True])
def test_each_method_is_tried(noisy):
    """With noise as without, more than one engine runs the circuits above."""
    made, _ = spread(1000, noisy=noisy)
    assert len([each for each in ENGINES if each.refusal(made, OPTIONS, no_checkpoint) is None]) > 2


FLIPS = Array.of(np.array([[0.7, 0.3], [0.1, 0.9]]))
PAIRS = Array.of(np.array([[0.4, 0.3, 0.2, 0.1], [0, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], [0.5, 0, 0, 0.5]]))
WRITTEN_TWICE = {
    "misread, and then written by another qubit": [Measure(0, 0), Readout((0,), FLIPS), Measure(1, 0)],
    "misread both times": [Measure(0, 0), Readout((0,), FLIPS), Measure(1, 0), Readout((0,), FLIPS)],
    "misread twice": [Measure(0, 0), Readout((0,), FLIPS), Readout((0,), FLIPS)],
    "one of two that are misread together": [Measure(0, 0), Measure(1, 1), Readout((1, 0), PAIRS), Measure(2, 0)],
    "misread before it is written": [Readout((0,), FLIPS), Measure(0, 0)],
    "misread and never written": [Measure(0, 0), Readout((1,), FLIPS)],
}


@pytest.mark.rule(31, 41)
@pytest.mark.parametrize("steps", WRITTEN_TWICE.values(), ids=WRITTEN_TWICE)
@pytest.mark.parametrize("engine", ENGINES, ids=range(len(ENGINES)))
def test_clbits_that_are_misread(engine, steps):
    """The last measurement counts, and only the errors behind it."""
    noisy = channel(1, (0.8, ()), (0.2, (Pauli(1, 0),)))
    for channels, noise in (((noisy,), [Noise(0, (0,))]), ((), [])):
        made = program(3, 2, x(0), x(2), *noise, *steps, channels=channels)
        options = replace(OPTIONS, method=engine.method, shots=20_000)
        if engine.refusal(made, options, no_checkpoint) is None:
            result = engine.prepare(made, options, (), no_checkpoint).run(
                seed=2, first=0, shots=options.shots, monitor=SILENT
            )
            assert_likely(result.counts, distribution(made))
