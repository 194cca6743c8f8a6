"""Instructions as the planner sees them: which qubits they mix, and which they only look at.

A gate *mixes* a qubit if it moves amplitude between the qubit's two values, and *fixes* it if it does not: the
qubits of a diagonal, and every control. Two operations commute where they share only qubits that both fix. Sets
of qubits are ints here, bit q for qubit q: a planner asks for little else than their intersections.

Nothing here depends on an angle, so one plan serves a circuit for all its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeGuard

import numpy as np

from simulator.circuit.gates import GATES, pauli_letters
from simulator.circuit.instructions import Diagonal, Gate, Initialize, Instruction, Permutation, Unitary

Evolving: TypeAlias = Gate | Unitary | Diagonal | Permutation | Initialize

#: Qubits of an operation that is kept as one matrix, controls among them.
WIDEST = 6
#: An x with more controls than this is a phase between two Hadamards: so they may lie anywhere.
_CONTROLS = 3
_DIAGONAL = frozenset({"global_phase", "id", "z", "s", "sdg", "t", "tdg", "p", "u1", "rz", "rzz"})
#: Gates that are real whatever their angles.
_REAL = frozenset({"id", "x", "z", "h", "ry", "swap", "dcx"})
#: Rotations about Pauli strings on more qubits than this are no matrices.
_MATRIX_TURNS = 2
#: A complex zero, of either sign, in its bytes.
_ZEROS = frozenset(np.array([complex(re, im)], "<c16").tobytes() for re in (0.0, -0.0) for im in (0.0, -0.0))
#: Twice the same gate, one after the other, is none.
_INVOLUTIONS = frozenset({"id", "x", "y", "z", "h"})


class Operation(NamedTuple):
    """One gate, or a run of gates on one qubit."""

    #: The instructions, by place, whose product it is; the first acts first.
    sources: tuple[int, ...]
    #: The bits of its matrix, the least significant first: targets, then controls.
    qubits: tuple[int, ...]
    mixed: int
    fixed: int
    #: It has no matrix that a block could take: it runs by itself, on the whole state,
    whole: bool = False
    #: or, being a rotation about a Pauli string, on a chunk.
    turns: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What `listed` makes of instructions."""

    operations: tuple[Operation, ...]
    #: What was qubit ``names[qubit]`` is ``qubit`` at the end; those that are not in it keep their name.
    names: dict[int, int]


def rewritten(instructions: Iterable[Evolving]) -> list[Evolving]:
    """Return instructions that do the same, with phases in place of many-controlled x gates."""
    every = list(instructions)
    if not [1 for each in every if type(each) is Gate and len(each.controls) > _CONTROLS]:
        return every
    result: list[Evolving] = []
    for instruction in every:
        if isinstance(instruction, Gate) and instruction.name == "x" and len(instruction.controls) > _CONTROLS:
            turn = Gate("h", instruction.targets)
            phase = Gate("z", instruction.targets, (), instruction.controls, instruction.control_state)
            result += turn, phase, turn
        else:
            result.append(instruction)
    return result


def signature(instructions: Sequence[Evolving]) -> tuple[object, ...]:
    """Return all of the instructions that a plan depends on: equal signatures, equal plans."""
    return tuple(
        [
            (each.name, each.targets, each.controls, each.control_state)
            if type(each) is Gate
            else _signature(each)
            for each in instructions
        ]
    )


def _signature(instruction: Evolving) -> tuple[object, ...]:
    match instruction:
        case Unitary(targets=targets, controls=controls, control_state=state):
            return "unitary", targets, controls, state, _looks_diagonal(instruction)
        case Permutation(targets=targets, sources=sources):
            return "permutation", targets, sources
        case _:
            return type(instruction).__name__, instruction.targets


def listed(instructions: Sequence[Evolving]) -> Listing:
    """List the operations of instructions, which are `rewritten`."""
    lister = _Lister(instructions)
    for place in range(len(instructions)):
        lister.add(place)
    return lister.listing()


class _Lister:
    def __init__(self, instructions: Sequence[Evolving]) -> None:
        self._instructions = instructions
        self._operations: list[Operation] = []
        self._names: dict[int, int] = {}
        #: Qubit -> its gates that are in no operation yet.
        self._runs: dict[int, list[int]] = {}

    def add(self, place: int) -> None:
        """Add one instruction."""
        instruction = self._instructions[place]
        if type(instruction) is Gate:
            targets, controls = instruction.targets, instruction.controls
            if instruction.name == "swap" and not controls:
                self._rename(targets, targets[::-1])
                return
        elif type(instruction) is Permutation:
            self._rename(instruction.targets, instruction.sources)
            return
        else:
            targets = instruction.targets
            controls = instruction.controls if type(instruction) is Unitary else ()
        qubits = targets + controls
        if self._names:
            qubits = tuple([self._names.get(qubit, qubit) for qubit in qubits])
        prepares = type(instruction) is Initialize
        if len(qubits) == 1 and not prepares:
            self._continue_run(qubits[0], place)
            return
        for qubit in qubits:
            if qubit in self._runs:
                self._close(qubit)
        turns = _turns(instruction)
        mixed, fixed = _roles(instruction, qubits)
        whole = prepares or (mixed != 0 and len(qubits) > WIDEST and not turns)
        self._operations.append(Operation((place,), qubits, mixed, fixed, whole, turns))

    def _rename(self, goals: tuple[int, ...], sources: tuple[int, ...]) -> None:
        names = self._names
        found = {goal: names.get(source, source) for goal, source in zip(goals, sources, strict=True)}
        names.update(found)

    def listing(self) -> Listing:
        """Return all that was added."""
        for qubit in list(self._runs):
            self._close(qubit)
        names = {qubit: source for qubit, source in self._names.items() if qubit != source}
        return Listing(tuple(self._operations), names)

    def _continue_run(self, qubit: int, place: int) -> None:
        run = self._runs.get(qubit)
        if not run:
            self._runs[qubit] = [place]
        elif _cancel(self._instructions[run[-1]], self._instructions[place]):
            run.pop()
        else:
            run.append(place)

    def _close(self, qubit: int) -> None:
        """End the run of a qubit: it becomes an operation."""
        if run := self._runs.pop(qubit, None):
            diagonal = all(is_diagonal(self._instructions[source]) for source in run)
            members = 1 << qubit
            mixed, fixed = (0, members) if diagonal else (members, 0)
            self._operations.append(Operation(tuple(run), (qubit,), mixed, fixed))


def _turns(instruction: Evolving) -> bool:
    """Whether it is a rotation about a Pauli string that is no matrix."""
    return is_rotation(instruction) and len(instruction.targets) > _MATRIX_TURNS


def _roles(instruction: Evolving, qubits: tuple[int, ...]) -> tuple[int, int]:
    """Return which qubits an instruction on these mixes, and which it fixes."""
    count = len(instruction.targets)
    if is_diagonal(instruction):
        count = 0
    elif is_rotation(instruction):
        letters = instruction.name[1:]
        mixed = as_set([qubit for qubit, letter in zip(qubits, letters, strict=True) if letter != "z"])
        return mixed, as_set(qubits) & ~mixed
    return as_set(qubits[:count]), as_set(qubits[count:])


def is_rotation(instruction: Instruction) -> TypeGuard[Gate]:
    """Whether an instruction is a rotation about a Pauli string, and not one of the table of gates."""
    return type(instruction) is Gate and pauli_letters(instruction.name) != ""


def is_real(instruction: Evolving) -> bool:
    """Whether an instruction leaves real amplitudes real."""
    match instruction:
        case Gate(name=name):
            return name in _REAL or (name not in GATES and name.count("y") % 2 == 1)
        case Unitary(matrix=array) | Diagonal(diagonal=array) | Initialize(amplitudes=array):
            return not np.iscomplexobj(array.ndarray()) or not array.ndarray().imag.any()
        case Permutation():
            return True


def as_set(qubits: Iterable[int]) -> int:
    """Return qubits as a set."""
    members = 0
    for qubit in qubits:
        members |= 1 << qubit
    return members


def members_of(qubits: int) -> list[int]:
    """Return the qubits of a set, ascending."""
    members = []
    while qubits:
        lowest = qubits & -qubits
        members.append(lowest.bit_length() - 1)
        qubits ^= lowest
    return members


def is_diagonal(instruction: Evolving) -> bool:
    """Whether an instruction leaves basis states where they are, whatever its angles."""
    if type(instruction) is Gate:
        return instruction.name in _DIAGONAL
    return isinstance(instruction, Diagonal) or (isinstance(instruction, Unitary) and _looks_diagonal(instruction))


def _looks_diagonal(unitary: Unitary) -> bool:
    # Of most matrices the second entry tells, and its bytes are read in no time.
    array = unitary.matrix
    if array.dtype == "c16" and unitary.targets and bytes(array.data[16:32]) not in _ZEROS:
        return False
    matrix = array.ndarray()
    return bool(np.count_nonzero(matrix) == np.count_nonzero(matrix.diagonal()))


def _cancel(one: Evolving, other: Evolving) -> bool:
    return type(one) is type(other) is Gate and one.name == other.name and one.name in _INVOLUTIONS
