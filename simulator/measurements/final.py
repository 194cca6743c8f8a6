"""Which measurements are the last thing done to their qubit, and how many qubits are in use until then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from simulator.circuit.instructions import Barrier, Delay, Initialize, Instruction, Measure, Readout, Reset
from simulator.circuit.traversal import clbits_of, clbits_within, walk
from simulator.monitor import Checkpoint
from simulator.piecewise import with_checkpoints

#: An instruction, and the qubits that it does something to, bodies included.
Step: TypeAlias = tuple[Instruction, set[int]]

#: Behind a measurement, they leave it a final one.
_LAST = frozenset({Measure, Readout, Barrier, Delay})


class Final(NamedTuple):
    """What is done at the end, all at once: first the measurements, then the readout errors."""

    measures: tuple[Measure, ...] = ()
    readouts: tuple[Readout, ...] = ()


def without_trailing_measures(
    instructions: list[Instruction], *, with_readouts: bool
) -> tuple[list[Instruction], Final]:
    """Take out the measurements behind which nothing is done; of most circuits, these are all.

    ``with_readouts``: so are readout errors behind them.
    """
    end = len(instructions)
    written: set[int] = set()
    while end and type(instructions[end - 1]) in _LAST:
        last = instructions[end - 1]
        if isinstance(last, Measure):
            written.add(last.clbit)
        elif isinstance(last, Readout) and not (with_readouts and written.isdisjoint(last.clbits)):
            break
        end -= 1
    measures = tuple([last for last in instructions[end:] if isinstance(last, Measure)])
    readouts = tuple([last for last in instructions[end:] if isinstance(last, Readout)])
    return (instructions[:end], Final(measures, readouts)) if measures or readouts else (instructions, Final())


def without_final_measures(
    steps: list[Step], later: Final, checkpoint: Checkpoint, *, with_readouts: bool
) -> tuple[list[Step], Final]:
    """Take out each measurement whose qubit nothing touches later, and whose clbit nothing uses later.

    ``with_readouts``: so it does with readout errors. What it returns is done at the end, before what is
    ``later``.
    """
    rest: list[Step] = []
    final: list[Measure] = []
    readouts: list[Readout] = []
    touched: set[int] = set()
    used: set[int] = set()
    written = {measure.clbit for measure in later.measures}
    for step in with_checkpoints(steps[::-1], checkpoint):
        instruction, qubits = step
        is_late = isinstance(instruction, Readout) and (used | written).isdisjoint(instruction.clbits)
        if isinstance(instruction, Readout) and is_late and with_readouts:
            readouts.append(instruction)
            continue
        if isinstance(instruction, Measure) and instruction.qubit not in touched and instruction.clbit not in used:
            final.append(instruction)
            written.add(instruction.clbit)
            continue
        rest.append(step)
        touched |= qubits
        used.update(clbits_within(instruction))
    return rest[::-1], Final(tuple(final[::-1]), tuple(readouts[::-1]))


def last_measures(steps: Sequence[Step], later: Iterable[Measure], checkpoint: Checkpoint) -> dict[int, Measure]:
    """Return, by index, the measurements behind which nothing touches the qubit until it is reset.

    Nor do ``later`` ones.
    """
    touched = {measure.qubit for measure in later}
    last: dict[int, Measure] = {}
    for index, (instruction, qubits) in with_checkpoints(list(enumerate(steps))[::-1], checkpoint):
        if isinstance(instruction, Measure) and instruction.qubit not in touched:
            last[index] = instruction
        if isinstance(instruction, (Reset, Initialize)):
            touched -= qubits
        else:
            touched |= qubits
    return last


def live_qubits(
    live: set[int], steps: Iterable[Step], last: Mapping[int, Measure], checkpoint: Checkpoint, *, frees: bool
) -> int:
    """Change the qubits that are in use to those after all steps; return how many there were at once, at most."""
    if not (frees or last):
        for instruction, qubits in with_checkpoints(steps, checkpoint):
            if type(instruction) is not Reset:
                live |= qubits
        return len(live)
    most = 0
    for index, (instruction, qubits) in enumerate(with_checkpoints(steps, checkpoint)):
        if isinstance(instruction, Reset):
            if frees:
                live.discard(instruction.qubit)
            continue
        live |= qubits
        most = max(most, len(live))
        if index in last:
            live.remove(last[index].qubit)
    return most


def that_matter(
    final: tuple[Measure, ...], live: set[int], instructions: Sequence[Instruction], checkpoint: Checkpoint
) -> tuple[Measure, ...]:
    """Drop final measurements that can only write 0: an untouched qubit into a clbit nothing else writes."""
    if {measure.qubit for measure in final} <= live:
        return final
    written = Counter(measure.clbit for measure in final)
    for instruction in with_checkpoints(walk(instructions), checkpoint):
        written.update(clbits_of(instruction))
    return tuple([measure for measure in final if measure.qubit in live or written[measure.clbit] > 1])
