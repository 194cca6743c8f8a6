"""The method of density matrices, behind the interface of all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.circuit.instructions import Barrier, Delay, Noise, Permutation, Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import WORD_BITS, Program
from simulator.circuit.traversal import qubits_within
from simulator.cost import Work, observing_bytes, saved_bytes
from simulator.density.operations import KINDS, MOST_QUBITS, MOST_STRING_QUBITS, Merger, segments
from simulator.density.pauli_basis import is_of_strings
from simulator.density.states import MOST_FEW, FewQubits, ManyQubits
from simulator.density.sweep import MOST_TOGETHER, run_together
from simulator.density.timeline import all_saves, measured_qubits, places_of, timeline_of
from simulator.dynamic.saves import saves_at_end
from simulator.dynamic.timeline import Timeline
from simulator.errors import MemoryRefusedError
from simulator.method import CircuitResult, Engine, place_of
from simulator.monitor import Checkpoint, Monitor, no_checkpoint
from simulator.options import Options
from simulator.sampling.counts import ShotCounts
from simulator.sampling.readout_errors import with_readouts
from simulator.sampling.row_sampler import RowSampler, count_shots, written_clbits
from simulator.sampling.saver import saved_value
from simulator.shards.metadata import RunMetadata
from simulator.shards.shard import Sweep

#: With so many qubits in use at most, "automatic" asks no other method what it would take.
_FEW_QUBITS = 8
#: Qubits beyond which no memory has all coefficients.
_MOST = 24
#: Bytes of workspace, and of an instruction.
_WORKSPACE, _BYTES_PER_INSTRUCTION = 16 << 20, 12 << 10
#: Seconds of a run, of an instruction until it is in a matrix, and of a product for a coefficient. Measured.
_RUN_SECONDS, _INSTRUCTION_SECONDS, _COEFFICIENT_SECONDS = 1e-3, 20e-6, 0.8e-9
#: Seconds of a row of a sweep of few qubits, and of each of its instructions.
_ROW_SECONDS, _ROW_INSTRUCTION_SECONDS = 1e-4, 5e-6
#: Seconds of a shot.
_SHOT_SECONDS = 2e-8
#: Products of a circuit, for each of its instructions: those on one pair of qubits are one.
_PRODUCTS = 0.3


@dataclass(frozen=True, slots=True)
class _Prepared:
    program: Program
    options: Options
    observables: Sequence[PauliSum]
    timeline: Timeline
    #: Qubit -> its number among those that are used.
    places: dict[int, int]

    @property
    def metadata(self) -> RunMetadata:
        return RunMetadata("density_matrix", len(self.places), True)

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        """Return the bytes of the coefficients and of a copy, and of what else is made."""
        del shots
        checkpoint()
        coefficients = 8 << 2 * len(self.places)
        saved = 4 * saved_bytes(all_saves(self.program, self.options, self.timeline), "double")
        plan = len(self.timeline.instructions) * _BYTES_PER_INSTRUCTION
        return 2 * coefficients + _WORKSPACE + saved + plan + observing_bytes(self.observables, 1)

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        options, timeline, checkpoint = self.options, self.timeline, monitor.checkpoint
        counted = shots if options.counts and self.program.num_clbits else 0
        width = len(self.places)
        checkpoint()
        state = FewQubits(1, width) if width <= MOST_FEW else ManyQubits(width)
        saved = []
        steps = [*timeline.instructions, *saves_at_end(options.saves, self.program, timeline.measures)]
        merger = Merger(self.places, self.program.channels, checkpoint)
        for merged, save in segments(steps, merger):
            state.evolve(merged, checkpoint)
            if save is not None:
                checkpoint()
                saved.append(saved_value(save, state.coefficients(self.places).saved(save)))
        coefficients = state.coefficients(self.places)
        expectations = None
        if self.observables:
            every = tuple(range(self.program.num_qubits))
            expectations = np.array([coefficients.expectations(each, every)[0] for each in self.observables])
        measured = measured_qubits(timeline)
        shot_counts = ShotCounts(counted, memory=options.memory, first=first, checkpoint=checkpoint)
        if counted:
            checkpoint()
            rows = np.sqrt(coefficients.probabilities(measured))
            bit_of = {qubit: bit for bit, qubit in enumerate(measured)}
            measures, readouts = timeline.final, timeline.readouts
            sampler = RowSampler(rows, bit_of, measures, readouts, (seed,), counted, checkpoint, first)
            count_shots(sampler, shot_counts)
        monitor.report(1.0)
        return CircuitResult(
            *shot_counts.results(), expectations=expectations, saved=with_readouts(saved, timeline.readouts)
        )


def _saves(program: Program, options: Options) -> tuple[Save, ...]:
    return all_saves(program, options, timeline_of(program))


def _refusal(program: Program, options: Options, checkpoint: Checkpoint) -> str | None:
    timeline = timeline_of(program, checkpoint=checkpoint)
    checkpoint()
    reason = place_of(timeline.instructions, KINDS)
    if reason is not None:
        reason += ", and a density matrix is of no one outcome"
    elif (wide := _wide(program, timeline)) is not None:
        return wide
    elif options.initial_state is not None:
        reason = "it begins in an initial_statevector"
    elif not options.sample_measuring:
        reason = "allow_sample_measuring=False asks for shots one by one"
    elif any(save.what == "statevector" for save in timeline.saves):
        reason = "it saves a statevector, and a density matrix is none"
    elif "statevector" in options.saves:
        reason = "the option statevector=True asks for a statevector, which this is not: density_matrix=True"
    elif (written := len(written_clbits(timeline.final, timeline.readouts))) > WORD_BITS:
        reason = f"its measurements write {written} clbits, and of a density matrix may write {WORD_BITS}"
    return reason


def _wide(program: Program, timeline: Timeline) -> str | None:
    """Return what acts on too many qubits for one matrix over Pauli strings."""
    widths = list(map(len, timeline.touched or map(qubits_within, timeline.instructions)))
    if max(widths, default=0) <= MOST_QUBITS:
        return None
    for index, (instruction, width) in enumerate(zip(timeline.instructions, widths, strict=True)):
        if width <= MOST_QUBITS or isinstance(instruction, (Barrier, Delay, Permutation, Save)):
            continue
        is_narrow = isinstance(instruction, Noise) and width <= MOST_STRING_QUBITS
        if isinstance(instruction, Noise) and is_narrow and is_of_strings(program.channels[instruction.channel]):
            continue
        what = type(instruction).__name__.lower()
        return (
            f"instruction {index} is a {what} on {width} qubits, and may be on {MOST_QUBITS}: transpile it to "
            "narrower ones"
        )
    return None


def _width(program: Program, options: Options) -> int:
    return 2 * len(places_of(program, options, (), timeline_of(program)))


def _work(
    program: Program, options: Options, shots: int, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> Work:
    del observables
    timeline = timeline_of(program, checkpoint=checkpoint)
    checkpoint()
    count = len(timeline.instructions)
    coefficients = 4.0 ** min(500, len(places_of(program, options, (), timeline)))
    seconds = _RUN_SECONDS + count * (_INSTRUCTION_SECONDS + _PRODUCTS * coefficients * _COEFFICIENT_SECONDS)
    return Work(seconds + shots * _SHOT_SECONDS, grows_with_shots=False)


def _row_seconds(sweep: Sweep, options: Options) -> float:
    """Return the seconds of a row of a sweep, whose instructions are looked at once for all rows."""
    timeline = timeline_of(sweep.template)
    width = len(places_of(sweep.template, options, sweep.observables, timeline))
    if width > MOST_TOGETHER or all_saves(sweep.template, options, timeline):
        return _work(sweep.template, options, options.drawn_shots, sweep.observables, no_checkpoint).seconds
    products = len(timeline.instructions) * (
        _ROW_INSTRUCTION_SECONDS + _PRODUCTS * 4.0**width * _COEFFICIENT_SECONDS
    )
    return _ROW_SECONDS + products + options.drawn_shots * _SHOT_SECONDS


def _prepare(
    program: Program, options: Options, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> _Prepared:
    timeline = timeline_of(program, checkpoint=checkpoint)
    places = places_of(program, options, observables, timeline)
    if len(places) > _MOST:
        raise MemoryRefusedError(
            f"a density matrix of {len(places)} qubits needs 16 * 4^{len(places)} bytes: more than any machine has"
        )
    return _Prepared(program, options, observables, timeline, places)


DENSITY_MATRIX = Engine(
    "density_matrix",
    refusal=_refusal,
    # Without noise, a statevector says as much.
    suits=lambda program, _: bool(program.channels),
    # What others would take is longer to estimate than so few coefficients are to compute.
    preferred=lambda program, _: not program.uses_more_qubits(_FEW_QUBITS),
    width=_width,
    work=_work,
    saves=_saves,
    is_exact=lambda *_: True,
    prepare=_prepare,
    run_together=run_together,
    row_seconds=_row_seconds,
)
