"""Resets that are written as conditions: ``if c: x q`` behind a measurement of q into c."""

from __future__ import annotations

from collections import defaultdict

from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Instruction, Measure, Readout, Reset, Store
from simulator.circuit.traversal import clbits_of, walk
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints


def with_resets(
    steps: list[tuple[Instruction, set[int]]], checkpoint: Checkpoint = no_checkpoint
) -> list[tuple[Instruction, set[int]]]:
    """Put a reset in place of each condition that is one: where a qubit was measured as 1, it is flipped.

    With each instruction comes the set of the qubits that it does something to.
    """
    flips = {_flip_of(instruction) for instruction, _ in with_checkpoints(steps, checkpoint)}
    measured = {(it.qubit, it.clbit) for it, _ in with_checkpoints(steps, checkpoint) if isinstance(it, Measure)}
    if flips.isdisjoint(measured):
        return steps
    found = []
    #: Qubit -> the clbit that says what it is, and clbit -> such qubits, and others that were.
    outcomes: dict[int, int] = {}
    told_by: dict[int, set[int]] = defaultdict(set)
    for step in with_checkpoints(steps, checkpoint):
        instruction, qubits = step
        flip = _flip_of(instruction)
        is_reset = flip is not None and outcomes.get(flip[0]) == flip[1]
        found.append((Reset(flip[0]), qubits) if flip is not None and is_reset else step)
        for qubit in qubits:
            outcomes.pop(qubit, None)
        for clbit in _written_by(instruction):
            for qubit in told_by.pop(clbit, ()):
                if outcomes.get(qubit) == clbit:
                    del outcomes[qubit]
        if isinstance(instruction, Measure):
            outcomes[instruction.qubit] = instruction.clbit
            told_by[instruction.clbit].add(instruction.qubit)
    return found


def _flip_of(instruction: Instruction) -> tuple[int, int] | None:
    """Return the qubit that an instruction flips, and the clbit on whose 1 it does."""
    if not isinstance(instruction, IfElse):
        return None
    match instruction:
        case IfElse(
            condition=Clbit(clbit=clbit),
            true_body=(Gate(name="x", targets=(qubit,), controls=()),),
            false_body=(),
        ):
            return qubit, clbit
    return None


def _written_by(instruction: Instruction) -> set[int]:
    """Return the clbits that an instruction, bodies included, may write, and others that it reads to do so."""
    if type(instruction) is Gate:  # by far the most frequent
        return set()
    parts = (part for part in walk((instruction,)) if isinstance(part, (Measure, Readout, Store)))
    return {clbit for part in parts for clbit in clbits_of(part)}
