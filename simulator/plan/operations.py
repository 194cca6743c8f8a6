"""Operations: instructions as the planner sees them, by which qubits they mix and which they only read.

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
from simulator.typing import Controls

#: Name, targets, controls and their values; of a permutation the sources in place of controls.
Signed: TypeAlias = tuple[str, tuple[int, ...], tuple[int, ...], int | None]

Evolving: TypeAlias = Gate | Unitary | Diagonal | Permutation | Initialize

#: Most qubits, controls included, of an operation that is kept as one matrix.
WIDEST = 6
#: Controls above which an x becomes a phase between two Hadamards, so that its controls may lie outside a chunk.
_CONTROLS = 3
#: Gates whose matrix is diagonal whatever their angles.
_DIAGONAL_GATES = frozenset({"global_phase", "id", "z", "s", "sdg", "t", "tdg", "p", "u1", "rz", "rzz"})
#: Names in a signature of what leaves basis states where they are.
DIAGONAL_NAMES = _DIAGONAL_GATES | {"diagonal", "diagonal unitary"}
#: Gates whose matrix is real whatever their angles.
_REAL = frozenset({"id", "x", "z", "h", "ry", "swap", "dcx"})
#: Qubits of a Pauli rotation up to which it is kept as a matrix.
MATRIX_ROTATION = 2
#: The bytes of a complex zero, for every combination of signs.
_ZEROS = frozenset(np.array([complex(re, im)], "<c16").tobytes() for re in (0.0, -0.0) for im in (0.0, -0.0))
#: Gates that are their own inverse: two in a row cancel.
_INVOLUTIONS = frozenset({"id", "x", "y", "z", "h"})


class Operation(NamedTuple):
    """One gate, or a run of gates on one qubit."""

    #: Indices of the instructions whose product it is; the first acts first.
    sources: tuple[int, ...]
    #: The bits of its matrix, the least significant first: targets, then controls.
    qubits: tuple[int, ...]
    #: The qubits between whose values it moves amplitude, as a set.
    mixed: int
    #: Its other qubits, as a set.
    fixed: int
    #: Whether its matrix is too wide for a block, so that it runs by itself on the whole state.
    whole: bool = False
    #: Whether it is a rotation about a Pauli string that is applied without a matrix.
    rotation: bool = False


@dataclass(frozen=True, slots=True)
class OperationList:
    """The operations of a circuit, and how its swaps rename the qubits."""

    operations: tuple[Operation, ...]
    #: Final relabelling from swaps: new qubit -> old qubit. Qubits not listed are unchanged.
    renamed_from: dict[int, int]


def rewrite_wide_controls(instructions: Iterable[Evolving]) -> list[Evolving]:
    """Return equivalent instructions, each x gate with many controls as a phase between two Hadamards."""
    every = list(instructions)
    if not [1 for each in every if type(each) is Gate and len(each.controls) > _CONTROLS]:
        return every
    result: list[Evolving] = []
    for instruction in every:
        if isinstance(instruction, Gate) and instruction.name == "x" and len(instruction.controls) > _CONTROLS:
            hadamard = Gate("h", instruction.targets)
            phase = Gate("z", instruction.targets, (), instruction.controls, instruction.control_state)
            result += hadamard, phase, hadamard
        else:
            result.append(instruction)
    return result


def signature(instructions: Sequence[Evolving]) -> tuple[Signed, ...]:
    """Return everything about instructions that their plan depends on: equal signatures have equal plans."""
    return tuple(
        [
            (each.name, each.targets, each.controls, each.control_state) if type(each) is Gate else _signed(each)
            for each in instructions
        ]
    )


def _signed(instruction: Evolving) -> Signed:
    match instruction:
        case Unitary(targets=targets, controls=controls, control_state=state):
            name = "diagonal unitary" if _looks_diagonal(instruction) else "unitary"
            return name, targets, controls, state
        case Permutation(targets=targets, sources=sources):
            return "permutation", targets, sources, None
        case _:
            return type(instruction).__name__.lower(), instruction.targets, (), None


def renamed(signed: Signed) -> tuple[int, ...] | None:
    """Return the qubits whose states go to the targets, if that is all that an instruction does; else None."""
    name, targets, others, _ = signed
    if name == "permutation":
        return others
    return targets[::-1] if name == "swap" and not others else None


def list_operations(instructions: Sequence[Evolving]) -> OperationList:
    """Return the operations of instructions that `rewrite_wide_controls` has gone through."""
    lister = _Lister(instructions)
    for index in range(len(instructions)):
        lister.add(index)
    return lister.finished()


class _Lister:
    def __init__(self, instructions: Sequence[Evolving]) -> None:
        self._instructions = instructions
        self._operations: list[Operation] = []
        #: New qubit -> old qubit, from the swaps so far.
        self._renamed_from: dict[int, int] = {}
        #: Qubit -> its gates that are in no operation yet.
        self._runs: dict[int, list[int]] = {}

    def add(self, index: int) -> None:
        """Add the instruction at an index."""
        instruction = self._instructions[index]
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
        if self._renamed_from:
            qubits = tuple([self._renamed_from.get(qubit, qubit) for qubit in qubits])
        prepares = type(instruction) is Initialize
        if len(qubits) == 1 and not prepares:
            self._continue_run(qubits[0], index)
            return
        for qubit in qubits:
            if qubit in self._runs:
                self._close(qubit)
        rotation = _has_no_matrix(instruction)
        mixed, fixed = _roles(instruction, qubits)
        whole = prepares or (mixed != 0 and len(qubits) > WIDEST and not rotation)
        self._operations.append(Operation((index,), qubits, mixed, fixed, whole, rotation))

    def _rename(self, goals: tuple[int, ...], sources: tuple[int, ...]) -> None:
        names = self._renamed_from
        found = {goal: names.get(source, source) for goal, source in zip(goals, sources, strict=True)}
        names.update(found)

    def finished(self) -> OperationList:
        """Return the operations of all that was added."""
        for qubit in list(self._runs):
            self._close(qubit)
        renamed_from = {qubit: source for qubit, source in self._renamed_from.items() if qubit != source}
        return OperationList(tuple(self._operations), renamed_from)

    def _continue_run(self, qubit: int, index: int) -> None:
        run = self._runs.get(qubit)
        if not run:
            self._runs[qubit] = [index]
        elif _cancel(self._instructions[run[-1]], self._instructions[index]):
            run.pop()
        else:
            run.append(index)

    def _close(self, qubit: int) -> None:
        """End the run of a qubit: it becomes an operation."""
        if run := self._runs.pop(qubit, None):
            diagonal = all(is_diagonal(self._instructions[source]) for source in run)
            members = 1 << qubit
            mixed, fixed = (0, members) if diagonal else (members, 0)
            self._operations.append(Operation(tuple(run), (qubit,), mixed, fixed))


def _has_no_matrix(instruction: Evolving) -> bool:
    """Whether an instruction is a Pauli rotation that is applied without a matrix."""
    return is_rotation(instruction) and len(instruction.targets) > MATRIX_ROTATION


def _roles(instruction: Evolving, qubits: tuple[int, ...]) -> tuple[int, int]:
    """Return which qubits an instruction on these mixes, and which it fixes."""
    count = len(instruction.targets)
    if is_diagonal(instruction):
        count = 0
    elif is_rotation(instruction):
        letters = instruction.name[1:]
        mixed = qubit_set([qubit for qubit, letter in zip(qubits, letters, strict=True) if letter != "z"])
        return mixed, qubit_set(qubits) & ~mixed
    return qubit_set(qubits[:count]), qubit_set(qubits[count:])


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


def controls_of(instruction: Evolving, bits: tuple[int, ...]) -> Controls:
    """Return the controls of an instruction, given the bits of its targets and then of its controls."""
    state = instruction.control_state if isinstance(instruction, (Gate, Unitary)) else None
    return tuple(
        [
            (bit, 1 if state is None else state >> index & 1)
            for index, bit in enumerate(bits[len(instruction.targets) :])
        ]
    )


def qubit_set(qubits: Iterable[int]) -> int:
    """Return qubits as a set: an int with a bit for each."""
    members = 0
    for qubit in qubits:
        members |= 1 << qubit
    return members


def qubits_in(qubits: int) -> list[int]:
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
        return instruction.name in _DIAGONAL_GATES
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
