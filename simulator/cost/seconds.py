"""The seconds that a program will take, before it runs: a job is split into shards by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from simulator.circuit.instructions import Noise, Save, Unitary
from simulator.circuit.pauli_sum import Mask, PauliSum
from simulator.circuit.program import Program
from simulator.cost.memory import ROW_QUBITS
from simulator.dynamic.timeline import Timeline
from simulator.options import Options
from simulator.plan.operations import is_rotation

#: More calls and draws than any run comes to the end of.
_ENDLESS = 10**18
#: Rounds that a while loop is expected to take.
_ROUNDS = 8
#: Seconds of a run without instructions, on one core. These and those below are measured.
_RUN_SECONDS = 2e-4
#: Seconds of an instruction, from decoding it to its part of a plan.
_INSTRUCTION_SECONDS = 15e-6
#: Seconds that an instruction takes for an amplitude, by fused products.
_AMPLITUDE_SECONDS = 0.4e-9
#: Seconds that a dense matrix takes for an amplitude beyond that: few go into one product.
_DENSE_SECONDS = 1.5e-9
#: Seconds of a measurement, and of the plan up to the next, however many branches there are.
_MEASUREMENT_SECONDS = 2e-4
#: Seconds of a channel, however few branches there are.
_NOISE_SECONDS = 3e-3
#: Seconds of a measurement, for a branch.
_BRANCH_SECONDS = 4e-6
#: Seconds of a measurement, for each amplitude of a branch.
_BRANCH_AMPLITUDE_SECONDS = 3e-9
#: Seconds of a shot's random number.
_DRAW_SECONDS = 1e-8
#: Seconds of an outcome's key and count.
_OUTCOME_SECONDS = 1e-7
#: Seconds of a row without instructions.
_ROW_SECONDS = 5e-6
#: Seconds of an instruction of a row.
_ROW_INSTRUCTION_SECONDS = 0.2e-6
#: Seconds that an instruction of a row takes for an amplitude.
_ROW_AMPLITUDE_SECONDS = 0.6e-9

#: Seconds that a state takes for an amplitude to be saved, or to be reduced to what is saved.
_SAVE_SECONDS = 1e-8
#: Seconds of a Pauli string of an observable,
_STRING_SECONDS = 0.05e-6
#: of the strings that flip the same qubits, in one state of many,
_MASK_SECONDS = 0.2e-6
#: and of these for each amplitude.
_READ_SECONDS = 1.5e-9


class Work(NamedTuple):
    """What a run takes of one core: a rough estimate, within a factor of a few."""

    seconds: float
    #: Whether fewer shots would take that much less time: hardly any two of them may share a state.
    grows_with_shots: bool
    #: How many shots stay together where they are cut; 0: as many as with any program of the method.
    together: int = 0


def work(timeline: Timeline, shots: int) -> Work:
    """Estimate what a run takes."""
    # Loops of many rounds in each other would be more than a float holds.
    amplitudes = _amplitudes(timeline)
    calls = min(timeline.calls(_ROUNDS), _ENDLESS)
    dense = sum(isinstance(each, Unitary) or is_rotation(each) for each in timeline.instructions)
    evolving = _RUN_SECONDS + calls * (_INSTRUCTION_SECONDS + amplitudes * _AMPLITUDE_SECONDS)
    evolving += dense * amplitudes * _DENSE_SECONDS
    evolving += sum(_saving_seconds(save, timeline) for save in timeline.saves)
    if timeline.output != "counts":
        return Work(evolving, grows_with_shots=False)
    draws = min(timeline.draws(_ROUNDS), _ENDLESS)
    evolving += sum(type(each) is Noise for each in timeline.instructions) * _NOISE_SECONDS
    evolving += draws * _MEASUREMENT_SECONDS
    # How many states the shots may part into.
    branches = max(1, min(shots, 1 << min(draws, 60)))
    # A branch begins, on average, half way.
    branching = draws * (_BRANCH_SECONDS + amplitudes * _BRANCH_AMPLITUDE_SECONDS)
    branching += calls * amplitudes * _AMPLITUDE_SECONDS + dense * amplitudes * _DENSE_SECONDS
    seconds = evolving + (branches - 1) * branching / 2 + _readout_seconds(timeline.program, draws, shots)
    return Work(seconds, grows_with_shots=1 < shots == branches and not timeline.could_evolve)


def row_seconds(timeline: Timeline, options: Options) -> float:
    """Estimate the seconds that a row of a sweep takes on one core; the timeline is its template's."""
    template = timeline.program
    apart = timeline.output == "unitary" or timeline.width > ROW_QUBITS or not timeline.evolves
    if apart:
        return work(timeline, options.shots).seconds
    amplitudes = _amplitudes(timeline)
    evolving = len(template.instructions) * (_ROW_INSTRUCTION_SECONDS + amplitudes * _ROW_AMPLITUDE_SECONDS)
    evolving += sum(_saving_seconds(save, timeline) for save in timeline.saves)
    return _ROW_SECONDS + evolving + _readout_seconds(template, 0, options.drawn_shots)


def observing_seconds(observables: Iterable[PauliSum], num_bits: int) -> float:
    """Estimate the seconds that expectation values of one state of so many qubits take."""
    masks: set[Mask] = set()
    strings = 0
    for each in observables:
        masks.update(each.x)
        strings += len(each.x)
    amplitudes = float(1 << min(num_bits, 1000))
    return strings * _STRING_SECONDS + len(masks) * (_MASK_SECONDS + amplitudes * _READ_SECONDS)


def _saving_seconds(save: Save, timeline: Timeline) -> float:
    """Estimate the seconds that an instruction takes to save something of one state."""
    if save.sums:
        return observing_seconds(save.sums, timeline.num_bits)
    products = 1 << min(len(save.qubits), 60) if save.what == "density_matrix" else 1
    return _amplitudes(timeline) * (_SAVE_SECONDS + products * _AMPLITUDE_SECONDS)


def _amplitudes(timeline: Timeline) -> float:
    return float(1 << min(timeline.num_bits, 1000))


def _readout_seconds(program: Program, draws: int, shots: int) -> float:
    outcomes = min(shots, 1 << min(program.num_clbits, 60))
    return shots * (1 + draws) * _DRAW_SECONDS + outcomes * _OUTCOME_SECONDS
