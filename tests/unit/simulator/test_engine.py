"""`run`: outputs, options, edges."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exact import assert_likely
from support.examples import examples
from support.programs import (
    entangled,
    h,
    measures,
    program,
    random_unitary,
    random_vector,
    ry,
    unitary_instructions,
    unitary_of,
    x,
)

import simulator
from simulator import Program, run
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Barrier,
    Box,
    Delay,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Permutation,
    Reset,
    Store,
)
from simulator.errors import InvalidProgramError, MemoryRefusedError, StoppedError
from simulator.monitor import Monitor
from simulator.options import Output

BELL = program(2, 2, h(0), x(1, 0), *measures(2))
# Rounding of a dozen products of matrices of at most 2^5 rows.
TOLERANCE = {"rtol": 0, "atol": 1e-12}


def test_exported_names() -> None:
    """Everything that the package says it exports is there."""
    assert all(hasattr(simulator, name) for name in simulator.__all__)


def test_importing_is_cheap() -> None:
    """The simulator knows NumPy, msgspec and the standard library only."""
    code = "import sys, simulator; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(modules.stdout.split()) - set(sys.stdlib_module_names)
    foreign = {name for name in loaded if not name.startswith(("_", "sitecustomize"))}
    assert not foreign & {"qiskit", "celery", "kombu", "redis", "scipy", "rustworkx"}
    assert {"numpy", "msgspec", "simulator"} <= foreign


@pytest.mark.rule(29, 31)
@examples(60)
@given(st.data(), st.integers(0, 5), st.floats(-7, 7))
def test_statevector(data: st.DataObject, num_qubits: int, phase: float) -> None:
    """The state is the instructions' product, with its exact global phase, from any state."""
    instructions = data.draw(unitary_instructions(num_qubits))
    circuit = program(num_qubits, 0, *instructions, global_phase=phase)
    unitary = np.exp(1j * phase) * unitary_of(instructions, num_qubits)
    result = run(circuit, output="statevector", seed=1)
    np.testing.assert_allclose(result.state, unitary[:, 0], **TOLERANCE)
    initial = random_vector(2, num_qubits)
    kept = initial.copy()
    result = run(circuit, output="statevector", seed=1, initial_state=initial)
    np.testing.assert_allclose(result.state, unitary @ initial, **TOLERANCE)
    np.testing.assert_array_equal(initial, kept)


@pytest.mark.rule(29)
@examples(40)
@given(st.data(), st.integers(0, 4), st.floats(-7, 7))
def test_unitary(data: st.DataObject, num_qubits: int, phase: float) -> None:
    """The unitary is the instructions' product, times the initial one; boxes and barriers are nothing."""
    instructions = data.draw(unitary_instructions(num_qubits))
    everywhere = tuple(range(num_qubits))
    circuit = program(num_qubits, 1, Barrier(everywhere), Box(instructions), global_phase=phase)
    unitary = np.exp(1j * phase) * unitary_of(instructions, num_qubits)
    np.testing.assert_allclose(run(circuit, output="unitary", seed=1).state, unitary, **TOLERANCE)
    initial = random_unitary(2, num_qubits)
    result = run(circuit, output="unitary", seed=1, initial_state=initial)
    np.testing.assert_allclose(result.state, unitary @ initial, **TOLERANCE)
    assert (result.counts, result.memory) == (None, None)


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("instruction", "name"),
    [
        (Measure(0, 0), "measure"),
        (Reset(0), "reset"),
        (Initialize(Array.of(np.array([1, 0])), (0,)), "initialize"),
        (IfElse(Clbit(0), (h(0),)), "ifelse"),
        (Box((Box((Store(Clbit(0), Clbit(0)),)),)), "store"),
    ],
)
def test_what_has_no_unitary_is_refused(instruction: Instruction, name: str) -> None:
    """The unitary simulator names what it cannot run, and the circuit."""
    with pytest.raises(InvalidProgramError, match=f'"unitary_simulator" instruction "{name}" in circuit "test"'):
        run(program(1, 1, instruction), output="unitary", seed=1)


@pytest.mark.rule(23)
def test_a_wrong_initial_state_is_refused() -> None:
    """The shape of an initial state, and the one that is asked for, are named."""
    with pytest.raises(InvalidProgramError, match=r"\(2,\).*\(4,\)"):
        run(BELL, seed=1, initial_state=np.array([1, 0]))
    with pytest.raises(InvalidProgramError, match=r"\(4,\).*\(4, 4\)"):
        run(program(2, 0), seed=1, output="unitary", initial_state=np.array([1, 0, 0, 0]))


@pytest.mark.rule(20)
def test_initial_state_of_counts() -> None:
    """Counts begin in the given state, of whatever dtype and layout."""
    result = run(program(2, 2, x(0), *measures(2)), seed=1, shots=10, initial_state=np.array([0, 0, 1, 0]))
    assert result.counts == {"0x3": 10}


@pytest.mark.rule(20)
def test_small_amplitudes_are_chopped() -> None:
    """Amplitudes below chop_threshold come back as 0, others as they are."""
    circuit = program(1, 0, ry(2e-3, 0))
    assert run(circuit, output="statevector", seed=1).state[1] == pytest.approx(1e-3, rel=1e-6)
    assert run(circuit, output="statevector", seed=1, chop_threshold=1e-2).state[1] == 0
    assert run(circuit, output="unitary", seed=1, chop_threshold=1e-2).state[0, 1] == 0


@pytest.mark.rule(31)
def test_the_statevector_collapses() -> None:
    """A measurement collapses the state to what the counts say, sampled or one by one."""
    seen = Counter()
    for seed in range(200):
        for sample_measuring in (True, False):
            result = run(
                program(3, 3, h(0), x(1, 0), h(2), Measure(0, 0), Measure(2, 2)),
                output="statevector",
                seed=seed,
                memory=True,
                sample_measuring=sample_measuring,
            )
            (key,) = result.counts
            outcome = int(key, 16)
            expected = np.zeros(8)
            expected[outcome | (outcome & 1) << 1] = 1
            np.testing.assert_allclose(np.abs(result.state), expected, **TOLERANCE)
            assert result.memory == [key]
            seen[sample_measuring, key] += 1
    for sample_measuring in (True, False):
        counts = {key: count for (sampled, key), count in seen.items() if sampled == sample_measuring}
        assert_likely(counts, dict.fromkeys(("0x0", "0x1", "0x4", "0x5"), 0.25))


@pytest.mark.rule(31)
def test_the_statevector_keeps_the_phase_of_what_it_measures() -> None:
    """The global phase is exact after a collapse, too."""
    circuit = program(2, 1, h(0), Gate("p", (1,), (0.4,)), x(1), Measure(0, 0), Reset(0), global_phase=0.7)
    state = run(circuit, output="statevector", seed=3).state
    np.testing.assert_allclose(state, [0, 0, np.exp(0.7j), 0], **TOLERANCE)


@pytest.mark.rule(32)
def test_the_statevector_is_that_of_shot_0() -> None:
    """Under one seed, the statevector's outcome is the first shot's."""
    for seed in range(20):
        first = run(BELL, seed=seed, shots=5, memory=True).memory[0]
        assert run(BELL, seed=seed, output="statevector").counts == {first: 1}


@pytest.mark.rule(28, 31)
@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize(
    ("circuit", "shots", "expected"),
    [
        (program(0, 0), 10, {}),
        (program(0, 2), 10, {"0x0": 10}),
        (program(1, 0, h(0)), 10, {}),
        (program(1, 3, h(0)), 10, {"0x0": 10}),
        (BELL, 0, {}),
        (program(1, 70, x(0), Measure(0, 69), Measure(0, 3)), 1, {hex(1 << 69 | 8): 1}),
        (program(2, 1, x(0), Measure(0, 0), Measure(1, 0)), 7, {"0x0": 7}),
        (program(2, 1, x(0), Measure(1, 0), Measure(0, 0)), 7, {"0x1": 7}),
        (program(1, 2, x(0), Measure(0, 0), Measure(0, 1)), 7, {"0x3": 7}),
        (program(1, 2, x(0), Measure(0, 0), x(0), Measure(0, 1)), 7, {"0x1": 7}),
        (program(1, 1, Delay(0, None, "dt"), x(0), Barrier((0,)), Measure(0, 0)), 7, {"0x1": 7}),
        (program(3, 3, x(0), Permutation((0, 1, 2), (2, 0, 1)), *measures(3)), 7, {"0x2": 7}),
    ],
)
def test_edges(circuit: Program, shots: int, expected: dict[str, int], *, memory: bool) -> None:
    """No qubits, clbits, measurements or shots; repeated, overwritten, wide, permuted readout."""
    for sample_measuring in (True, False):
        result = run(circuit, seed=1, shots=shots, memory=memory, sample_measuring=sample_measuring)
        assert result.counts == expected
        assert result.memory == (
            [key for key, count in expected.items() for _ in range(count)] if memory else None
        )


@pytest.mark.rule(28, 32)
@examples(30)
@given(st.data(), st.integers(1, 5), st.integers(0, 3000), st.integers(0, 2**63 - 1))
def test_counts_and_memory(data: st.DataObject, num_qubits: int, shots: int, seed: int) -> None:
    """Memory has one key a shot, its counts are the counts, and fewer shots are a prefix."""
    circuit = program(num_qubits, num_qubits, *data.draw(unitary_instructions(num_qubits)), *measures(num_qubits))
    result = run(circuit, seed=seed, shots=shots, memory=True)
    assert Counter(result.memory) == result.counts == run(circuit, seed=seed, shots=shots).counts
    fewer = run(circuit, seed=seed, shots=shots // 3, memory=True)
    assert fewer.memory == result.memory[: shots // 3]


@pytest.mark.rule(33)
@examples(20, derandomize=True)
@given(st.data(), st.integers(1, 5))
def test_counts_are_likely(data: st.DataObject, num_qubits: int) -> None:
    """Counts follow the squared amplitudes, whether they are sampled or measured one by one."""
    instructions = data.draw(unitary_instructions(num_qubits))
    amplitudes = unitary_of(instructions, num_qubits)[:, 0]
    expected = {hex(value): abs(amplitude) ** 2 for value, amplitude in enumerate(amplitudes)}
    circuit = program(num_qubits, num_qubits, *instructions, *measures(num_qubits))
    for sample_measuring in (True, False):
        result = run(circuit, seed=3, shots=5000, sample_measuring=sample_measuring)
        assert_likely(result.counts, expected)


@pytest.mark.rule(31)
def test_a_million_shots() -> None:
    """10^6 shots of 16 qubits with nearly as many outcomes take a second or two."""
    circuit = program(16, 16, *map(h, range(16)), *measures(16))
    begin = time.process_time()
    counts = run(circuit, seed=1, shots=1_000_000).counts
    assert time.process_time() - begin < 10
    assert len(counts) > 65_000
    assert_likely(counts, {hex(value): 2.0**-16 for value in range(1 << 16)})


@pytest.mark.rule(8)
def test_the_checkpoint_ends_a_run() -> None:
    """Whatever the checkpoint raises ends a run of any output before its next kernel call."""

    def stop() -> None:
        raise StoppedError("cancelled")

    for output in ("counts", "statevector", "unitary"):
        with pytest.raises(StoppedError, match="cancelled"):
            run(program(2, 1, h(0)), seed=1, output=output, monitor=Monitor(stop))


@pytest.mark.rule(25)
@pytest.mark.parametrize(("output", "num_qubits"), [("counts", 100), ("statevector", 4096), ("unitary", 30)])
def test_no_memory_is_as_large(output: Output, num_qubits: int) -> None:
    """A state beyond all memory is refused before anything is allocated."""
    measured = () if output == "unitary" else (Measure(0, 0),)
    with pytest.raises(MemoryRefusedError, match=f"{num_qubits} qubits need"):
        run(program(num_qubits, 1, *entangled(num_qubits), *measured), seed=1, output=output)
