"""What is random before a program's end, and the program without the measurements there."""

from __future__ import annotations

import msgspec

from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Diagonal,
    Gate,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Permutation,
    Readout,
    Reset,
    Store,
    Unitary,
)
from simulator.circuit.program import Program
from simulator.circuit.traversal import bodies_of, qubits_of, qubits_within, unboxed
from simulator.measurements.final import Final, without_final_measures
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints

_SILENT = frozenset({Barrier, Delay, Readout})
#: What changes no state, or all shots' alike but for Paulis.
_ALIKE = _SILENT | {Gate, Unitary, Diagonal, Permutation, Noise, Store}


def is_random_before_its_end(program: Program) -> bool:  # noqa: C901 (one branch a kind of instruction)
    """Whether a program has noise, resets, or does something to a qubit that it has measured."""
    touched: set[int] = set()
    measured: set[int] = set()
    for instruction in program.instructions:
        kind = type(instruction)
        if kind is Gate or kind is Permutation:
            qubits = qubits_of(instruction)
            if measured and not measured.isdisjoint(qubits):
                return True
            touched.update(qubits)
        elif kind is Measure:
            if not measured.isdisjoint(qubits_of(instruction)):
                return True
            measured.update(qubits_of(instruction))
        elif kind in _SILENT:
            continue
        elif kind is Noise or bodies_of(instruction):
            return True
        elif kind is Reset or kind is Initialize:
            if not touched.union(measured).isdisjoint(qubits_of(instruction)):
                return True
            touched.update(qubits_of(instruction) if kind is Initialize else ())
        elif not measured.isdisjoint(qubits_of(instruction)):
            return True
    return False


def has_exact_values(program: Program) -> bool:
    """Whether expectation values are exact: nothing but channels is random before the final measurements."""
    touched: set[int] = set()
    for instruction in _before_final_measurements(program, no_checkpoint):
        qubits = qubits_within(instruction)
        prepares = isinstance(instruction, (Reset, Initialize)) and touched.isdisjoint(qubits)
        if not prepares and type(instruction) not in _ALIKE:
            return False
        if not isinstance(instruction, Reset):
            touched |= qubits
    return True


def without_its_end(program: Program, checkpoint: Checkpoint) -> Program:
    """Return the program without its final measurements: expectation values are of its states."""
    instructions = _before_final_measurements(program, checkpoint)
    return msgspec.structs.replace(program, instructions=tuple(instructions))


def _before_final_measurements(program: Program, checkpoint: Checkpoint) -> list[Instruction]:
    steps = [(each, qubits_within(each)) for each in with_checkpoints(unboxed(program.instructions), checkpoint)]
    rest, _ = without_final_measures(steps, Final(), checkpoint, with_readouts=True)
    return [instruction for instruction, _ in rest]
