"""Measure each qubit as soon as nothing later touches it: what is left then has few qubits at once.

A GHZ state of a hundred qubits needs two, however late its circuit says that it is measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Diagonal,
    Gate,
    Initialize,
    Measure,
    Permutation,
    Reset,
    Unitary,
)
from simulator.circuit.traversal import clbits_within
from simulator.measurements.final import Step
from simulator.monitor import Checkpoint
from simulator.piecewise import with_checkpoints

#: They change no clbit, and wait until something is done to their qubits that does.
_WAITING = frozenset({Gate, Unitary, Diagonal, Permutation, Initialize})
_NOTHING = frozenset({Barrier, Delay})


def measured_early(steps: Sequence[Step], final: Iterable[Measure], checkpoint: Checkpoint) -> list[Step]:
    """Return steps with final measurements among them, in an order that has few qubits in use at once.

    Each final measurement comes behind the last step on its qubit. Gates are done when something depends on them,
    and left out where nothing does. A qubit that is never measured is reset behind its last step. What is written
    to clbits has the distribution that it has in the given order.
    """
    return _with_resets(_as_needed(_with_measures(steps, final, checkpoint), checkpoint), checkpoint)


def _with_measures(steps: Sequence[Step], final: Iterable[Measure], checkpoint: Checkpoint) -> list[Step]:
    """Put final measurements among the steps, each behind the last that concerns its qubit or its clbit."""
    place: dict[int, int] = {}
    place_of_clbit: dict[int, int] = {}
    for index, (instruction, qubits) in with_checkpoints(list(enumerate(steps)), checkpoint):
        place.update(dict.fromkeys(qubits, index))
        place_of_clbit.update(dict.fromkeys(clbits_within(instruction), index))
    behind: dict[int, list[Step]] = defaultdict(list)
    # Nothing reads what one writes, so of several into one clbit only the last matters.
    for measure in {measure.clbit: measure for measure in final}.values():
        index = max(place.get(measure.qubit, -1), place_of_clbit.get(measure.clbit, -1))
        behind[index].append((measure, {measure.qubit}))
    found = behind[-1]
    for index, step in enumerate(with_checkpoints(steps, checkpoint)):
        if type(step[0]) not in _NOTHING:
            found.append(step)
        found += behind.get(index, ())
    return found


def _as_needed(steps: Sequence[Step], checkpoint: Checkpoint) -> list[Step]:
    """Return the steps with each gate as late as can be, and without those that nothing depends on."""
    found: list[Step] = []
    #: Of each step, those that wait for the same qubits before it.
    before: list[list[int]] = []
    waiting = [False] * len(steps)
    #: Qubit -> the last step on it, if that is a gate.
    latest: dict[int, int] = {}
    for index, (instruction, qubits) in enumerate(with_checkpoints(steps, checkpoint)):
        before.append([latest[qubit] for qubit in qubits if qubit in latest])
        if type(instruction) in _WAITING:
            waiting[index] = True
            latest.update(dict.fromkeys(qubits, index))
            continue
        needed, rest = [], before[index]
        while rest:
            checkpoint()
            gate = rest.pop()
            if waiting[gate]:
                waiting[gate] = False
                needed.append(gate)
                rest += before[gate]
        needed.sort()
        found += [steps[gate] for gate in with_checkpoints(needed, checkpoint)]
        found.append((instruction, qubits))
        for qubit in qubits:
            latest.pop(qubit, None)
    return found


def _with_resets(steps: Sequence[Step], checkpoint: Checkpoint) -> list[Step]:
    """Reset each qubit behind the last step on it, but where that frees it, or nothing comes any more."""
    found: list[Step] = []
    seen: set[int] = set()
    for step in with_checkpoints(steps[::-1], checkpoint):
        instruction, qubits = step
        if found and not isinstance(instruction, (Measure, Reset)):
            found += [(Reset(qubit), {qubit}) for qubit in sorted(qubits - seen)]
        seen |= qubits
        found.append(step)
    return found[::-1]
