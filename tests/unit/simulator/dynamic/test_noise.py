"""Noise and readout errors in branches: the exact distribution, the same counts whatever the cut."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dynamic_strategies import noisy_programs
from support.exact import assert_likely, distribution
from support.examples import examples
from support.noise import RESET, channel, damping, depolarizing, kraus, random_kraus, random_table
from support.programs import entangled, h, measures, program, random_unitary, ry, x

from simulator import run
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Pauli
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import For, Gate, IfElse, Instruction, Measure, Noise, Range, Readout, Save
from simulator.circuit.program import Program
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.timeline import Timeline
from simulator.errors import InvalidProgramError
from simulator.monitor import SILENT
from simulator.statevector.simulation import run_bytecode

CHANNELS = {
    "depolarizing": depolarizing(0.3),
    "two qubits": channel(2, (0.7, ()), (0.2, (Pauli(1, 2),)), (0.1, (Pauli(3, 3),))),
    "damping": channel(1, (1.0, (kraus(damping(0.4)),))),
    "reset": channel(1, (0.5, (kraus(RESET),)), (0.5, ())),
    "coherent": channel(1, (1.0, (kraus(random_unitary(1, 1)[None]),))),
    "mixed": channel(
        2,
        (0.6, (kraus(random_kraus(2, 2, 3)),)),
        (0.3, (Pauli(1, 2), kraus(RESET, 1))),
        (0.1, (kraus(damping(0.9), 1), Pauli(3, 0))),
    ),
    "wide": channel(5, (0.7, (Pauli(0b10101, 0b01001),)), (0.3, (kraus(damping(0.5), 3), kraus(RESET, 0)))),
    "many operators": channel(1, *[(1 / 2, (kraus(random_kraus(seed, 1, 3)),)) for seed in range(2)]),
}
FLIPS = Array.of(np.array([[0.9, 0.1], [0.25, 0.75]]))


def noisy(of_channel: Channel, *instructions: Instruction, num_qubits: int = 5, num_clbits: int = 5) -> Program:
    return program(num_qubits, num_clbits, *instructions, channels=(of_channel,))


def circuit(of_channel: Channel) -> Program:
    sites = [Noise(0, tuple((first + place) % 5 for place in range(of_channel.num_qubits))) for first in range(3)]
    gates = [(ry(0.4 + qubit, qubit), x((qubit + 1) % 5, qubit)) for qubit in range(5)]
    parts = [*gates[0], *gates[1], sites[0], *gates[2], sites[1], *gates[3], *gates[4], sites[2]]
    return noisy(of_channel, *parts, *measures(5))


@pytest.mark.rule(33, 41)
@pytest.mark.parametrize("name", CHANNELS)
def test_counts_have_the_exact_distribution(name):
    """Of each kind of channel, in the middle of a circuit."""
    made = circuit(CHANNELS[name])
    assert_likely(run(made, seed=5, shots=4000).counts, distribution(made))


@pytest.mark.rule(41)
@pytest.mark.parametrize("name", CHANNELS)
def test_measured_early_or_at_the_end(name):
    """Final measurements that are done early have the same distribution."""
    made = circuit(CHANNELS[name])
    early = Timeline.of(made).measured_early()
    found = run_bytecode(
        compile_program(early), seed=3, shots=2000, first=0, memory=False, initial_state=None,
        chop_threshold=0.0, precision="double", monitor=SILENT,
    )  # fmt: skip
    assert_likely(found.counts, distribution(made))


@pytest.mark.rule(33, 41)
@examples(40, settings(deadline=None))
@given(noisy_programs(), st.integers(0, 2**32))
def test_noise_in_control_flow(made, seed):
    """Channels and readout errors in bodies, behind measurements and before conditions."""
    assert_likely(run(made, seed=seed, shots=1500).counts, distribution(made))


@pytest.mark.rule(32)
@pytest.mark.parametrize("name", CHANNELS)
def test_the_cut_changes_no_shot(name):
    """Shots that are run apart are the same that they are together."""
    made = circuit(CHANNELS[name])
    whole = run(made, seed=9, shots=600, memory=True).memory
    parts = [(0, 1), (1, 200), (201, 399)]
    cut = [run(made, seed=9, first=first, shots=shots, of_shots=600, memory=True).memory for first, shots in parts]
    assert [*chain.from_iterable(cut)] == whole


@pytest.mark.rule(32, 41)
def test_wide_states_part_one_after_the_other():
    """Where there is no room for all states at once, shots have the outcomes that they have alone."""
    flips = channel(1, (0.5, ()), (0.3, (Pauli(1, 0),)), (0.2, (Pauli(1, 1),)))
    sites = [Noise(0, (qubit,)) for qubit in range(0, 17, 4)]
    made = noisy(flips, *entangled(17), *sites, *entangled(17), *measures(17), num_qubits=17, num_clbits=17)
    whole = run(made, seed=2, shots=24, memory=True).memory
    assert len(set(whole)) > 4
    assert [run(made, seed=2, first=shot, shots=1, of_shots=24, memory=True).memory for shot in (0, 7, 23)] == [
        [whole[0]], [whole[7]], [whole[23]],
    ]  # fmt: skip


@pytest.mark.rule(41)
@pytest.mark.parametrize(
    "instructions",
    [
        (ry(0.7, 0), x(1, 0), *measures(2), Readout((0,), FLIPS), Readout((1,), FLIPS)),
        (ry(0.7, 0), x(1, 0), *measures(2), Readout((1, 0), random_table(3, 2))),
        (ry(0.7, 0), Measure(0, 0), Readout((0,), FLIPS), IfElse(Clbit(0), (x(1),)), Measure(1, 1)),
        (ry(0.7, 0), Measure(0, 0), Readout((0,), FLIPS), IfElse(Clbit(0), (x(0),)), Measure(0, 1)),
        (ry(0.7, 0), Measure(0, 0), Readout((0,), FLIPS), ry(0.4, 1), Measure(1, 0)),
        (ry(0.7, 0), Measure(0, 0), ry(0.3, 0), Readout((0,), FLIPS), Measure(0, 1), Readout((1,), FLIPS)),
        (Readout((0,), FLIPS),),
        (For(Range(0, 3), ((ry(0.5, 0), Measure(0, 0), Readout((0,), FLIPS)),)),),
    ],
)
def test_readout_errors(instructions):
    """They change what is recorded, and so what conditions see; not the qubits."""
    made = program(2, 2, *instructions)
    assert_likely(run(made, seed=4, shots=4000).counts, distribution(made))
    memory = run(made, seed=4, shots=300, memory=True).memory
    cut = [run(made, seed=4, first=at, shots=100, of_shots=300, memory=True).memory for at in (0, 100, 200)]
    assert [*chain.from_iterable(cut)] == memory


def test_readout_errors_of_many_clbits():
    """A memory of more clbits than a word has bits is read as any other."""
    made = program(2, 70, ry(0.7, 0), Measure(0, 69), Readout((69,), FLIPS), Measure(1, 3))
    assert_likely(run(made, seed=4, shots=3000).counts, distribution(made))


@pytest.mark.rule(33)
def test_readout_errors_draw_for_themselves():
    """What is read does not depend on the draw by which the outcome was sampled."""
    certain = Array.of(np.full((2, 2), 0.5))
    made = program(2, 2, h(0), x(1, 0), *measures(2), Readout((1,), certain))
    assert_likely(run(made, seed=1, shots=4000).counts, dict.fromkeys(["0x0", "0x1", "0x2", "0x3"], 0.25))


@pytest.mark.rule(41)
def test_what_is_saved_of_noisy_states_is_a_mean_over_shots():
    """The density matrix of trajectories comes near to the exact one."""
    made = noisy(CHANNELS["damping"], h(0), Noise(0, (0,)), Save("density_matrix", "rho", (0,)))
    (saved,) = run(made, seed=1, shots=4000).saved
    exact = np.array([[0.7, np.sqrt(0.6) / 2], [np.sqrt(0.6) / 2, 0.3]])
    np.testing.assert_allclose(saved.value.ndarray(), exact, rtol=0, atol=0.04)


def test_one_trajectory_is_a_statevector():
    """Of one shot, normalised, and one of those that there are."""
    made = noisy(CHANNELS["damping"], h(0), Noise(0, (0,)), num_qubits=1)
    states = [run(made, output="statevector", seed=seed).state for seed in range(30)]
    expected = [np.array([1, np.sqrt(0.6)]) / np.sqrt(1.6), np.array([1, 0])]
    found = {next(i for i, each in enumerate(expected) if np.allclose(np.abs(state), each)) for state in states}
    assert found == {0, 1}


@pytest.mark.rule(23)
@pytest.mark.parametrize(("instruction", "name"), [(Noise(0, (0,)), "noise"), (Readout((0,), FLIPS), "readout")])
def test_noise_has_no_unitary(instruction, name):
    """It is refused by name."""
    with pytest.raises(InvalidProgramError, match=f'Unsupported "unitary_simulator" instruction "{name}"'):
        run(noisy(CHANNELS["damping"], Gate("x", (0,)), instruction), seed=1, output="unitary")
