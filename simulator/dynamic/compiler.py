"""Timeline -> bytecode: a flat list of operations, with jumps in place of nested bodies.

Where states may merge, they have only the qubits that are in use: a qubit is allocated before something touches
it, and freed by a reset, or by a last measurement that something later depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import cast

from simulator.circuit.instructions import Barrier, Delay, Save
from simulator.circuit.program import Variable
from simulator.dynamic.assembler import Assembler
from simulator.dynamic.bytecode import (
    ApplyChosen,
    Bytecode,
    End,
    Evolve,
    Operation,
    evolutions_of,
)
from simulator.dynamic.timeline import Timeline, unitary_instructions
from simulator.evolve import Evolution
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan import Evolving

#: What does nothing to a state.
_WITHOUT_EFFECT = frozenset({Barrier, Delay})


def compile_program(timeline: Timeline, checkpoint: Checkpoint = no_checkpoint) -> Bytecode:
    """Flatten a program; its global phase is left out. Calls ``checkpoint`` now and then.

    Where states merge, there are MergePoints, at which a state loses its global phase and its last digits.
    """
    if timeline.output == "unitary":
        return _straight(timeline, unitary_instructions(timeline.program), checkpoint)
    instructions = timeline.instructions
    if timeline.evolves:
        gates = [gate for gate in instructions if type(gate) not in _WITHOUT_EFFECT]
        return _straight(timeline, cast("list[Evolving | Save]", gates), checkpoint)
    assembler = Assembler.of(timeline, checkpoint)
    steps = zip(with_checkpoints(instructions, checkpoint), timeline.touched, strict=True)
    for index, (instruction, qubits) in enumerate(steps):
        if (measure := timeline.last.get(index)) is not None:
            assembler.measure_and_free(measure.qubit, measure.clbit)
        else:
            assembler.add(instruction, qubits)
    assembler.end(timeline.final)
    return _bytecode(
        timeline,
        assembler.qubits.start,
        assembler.operations,
        checkpoint,
        assembler.addresses,
        assembler.variables,
    )


def _straight(timeline: Timeline, gates: Sequence[Evolving | Save], checkpoint: Checkpoint) -> Bytecode:
    """Return the bytecode of a program that only evolves, and what it saves on its way."""
    evolve: list[Operation] = []
    for saved, group in groupby(gates, lambda gate: type(gate) is Save) if timeline.saves else [(False, gates)]:
        some = list(group)
        if saved:
            evolve += cast("list[Save]", some)
        elif some:
            evolve.append(Evolve(Evolution(cast("list[Evolving]", some), checkpoint)))
    frees = timeline.from_ground and timeline.merges
    qubits = sorted(timeline.used) if frees else range(timeline.program.num_qubits)
    return _bytecode(timeline, tuple(qubits), [*evolve, End()], checkpoint)


def _bytecode(
    timeline: Timeline,
    qubits: tuple[int, ...],
    operations: list[Operation],
    checkpoint: Checkpoint,
    addresses: Sequence[int] = (),
    variables: Sequence[Variable] = (),
) -> Bytecode:
    real = all(evolution.stays_real(checkpoint) for evolution in evolutions_of(operations))
    real = real and all(each.matrices.dtype.kind == "f" for each in operations if isinstance(each, ApplyChosen))
    return Bytecode(timeline, tuple(operations), tuple(addresses), tuple(variables), qubits, real)
