"""A program as density matrices see it: its final measurements at the end, and which qubits are used."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.circuit.instructions import Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.circuit.remembered import remembered
from simulator.circuit.traversal import qubits_within
from simulator.density.results import touched_by
from simulator.dynamic.saves import saves_at_end
from simulator.dynamic.timeline import Timeline
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.options import Options


@remembered
def timeline_of(program: Program, *, checkpoint: Checkpoint = no_checkpoint) -> Timeline:
    """Return the program as it is written, with its final measurements at the end."""
    return Timeline.of(program, observed=True, checkpoint=checkpoint)


def all_saves(program: Program, options: Options, timeline: Timeline) -> tuple[Save, ...]:
    """Return all that a program and the options save."""
    return (*timeline.saves, *saves_at_end(options.saves, program, timeline.measures))


def places_of(
    program: Program, options: Options, observables: Sequence[PauliSum], timeline: Timeline
) -> dict[int, int]:
    """Return the number of each qubit that is used."""
    used = {measure.qubit for measure in timeline.final}
    # A program without randomness does not know what it touches.
    used.update(*timeline.touched or map(qubits_within, timeline.instructions))
    for save in saves_at_end(options.saves, program, timeline.measures):
        used.update(save.qubits)
    observed = touched_by(observables)
    used |= {qubit for qubit in range(program.num_qubits) if observed >> qubit & 1}
    return {qubit: place for place, qubit in enumerate(sorted(used))}


def measured_qubits(timeline: Timeline) -> list[int]:
    """Return the qubits that are measured at the end, ascending."""
    return sorted({measure.qubit for measure in timeline.final})
