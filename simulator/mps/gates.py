"""A program as gates on a few wires each: swaps rename wires, and gates join one before that has all of theirs.

A wire is what a tensor is of. Qubit q begins on wire q; a swap moves qubits to other wires, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.gates import pauli_letters
from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Diagonal,
    Gate,
    Initialize,
    Instruction,
    Permutation,
    Save,
    Unitary,
)
from simulator.circuit.traversal import bodies_of, qubits_of
from simulator.matrices.gate_matrices import constant_matrix, kind_of, matrices_of
from simulator.method import place_of
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.mps.local_gate import LocalGate, is_diagonal, product, real
from simulator.piecewise import with_checkpoints

#: Most qubits of a gate: the tensor of its sites together has 2^k times the entries of a bond's matrix.
MAX_GATE_QUBITS = 4
GATE_KINDS = frozenset({Gate, Unitary, Diagonal, Permutation, Initialize, Barrier, Delay})
#: All but saves, which are done at the end.
_KINDS = frozenset(get_args(Instruction)) - {Save}
#: A basis change B with B^dagger Z B = P, for each letter P but "z".
_SQRT_HALF = 0.5**0.5
_TO_Z = {
    "x": np.array([[1, 1], [1, -1]]) * _SQRT_HALF,
    "y": np.array([[1, -1j], [1, 1j]]) * _SQRT_HALF,
}
_X_UNDER_CONTROL = constant_matrix(("x", 1, 1, None)).real


@dataclass(frozen=True, slots=True)
class LocalCircuit:
    """The gates of a program, in its order."""

    num_wires: int
    gates: tuple[LocalGate, ...]
    #: Qubit -> the wire that it is on at the end.
    wire_of: tuple[int, ...]
    #: What gates without qubits multiply all amplitudes by.
    phase: complex = 1.0


def without_saves(instructions: Sequence[Instruction]) -> tuple[Sequence[Instruction], tuple[Save, ...]]:
    """Return what is before the saves at the end, and these."""
    end = len(instructions)
    while end and isinstance(instructions[end - 1], (Save, Barrier, Delay)):
        end -= 1
    return instructions[:end], tuple([each for each in instructions[end:] if isinstance(each, Save)])


def evolves(instructions: Sequence[Instruction]) -> bool:
    """Whether there are gates only, before all saves, and each qubit is initialized before its gates."""
    instructions, _ = without_saves(instructions)
    touched: set[int] = set()
    for instruction in instructions:
        if type(instruction) not in GATE_KINDS:
            return False
        if isinstance(instruction, (Barrier, Delay)):
            continue
        qubits = qubits_of(instruction)
        if isinstance(instruction, Initialize) and not touched.isdisjoint(qubits):
            return False
        touched.update(qubits)
    return True


def refusal(instructions: Sequence[Instruction]) -> str | None:
    """Return why a matrix product state cannot run these, beginning with the first such; None: it can."""
    if evolves(instructions):
        instructions, _ = without_saves(instructions)
    if where := place_of(instructions, _KINDS):
        return f"{where}, and matrix product states save at the end only, where nothing is random before it"
    return _too_wide(instructions)


def _too_wide(instructions: Sequence[Instruction], where: str = "") -> str | None:
    """Return the name and place of the first gate, bodies included, on more qubits than a gate may have."""
    for index, instruction in enumerate(instructions):
        qubits = qubits_of(instruction)
        is_gate = isinstance(instruction, (Gate, Unitary, Diagonal, Initialize))
        if is_gate and len(qubits) > MAX_GATE_QUBITS and not _may_be_wide(instruction):
            return (
                f"instruction {index}{where} is {name_of(instruction)} on qubits {', '.join(map(str, qubits))}: a "
                f"gate may have {MAX_GATE_QUBITS}, so transpile it to narrower ones"
            )
        for body in bodies_of(instruction):
            if found := _too_wide(body, f", in a body of instruction {index}{where},"):
                return found
    return None


def _may_be_wide(instruction: Instruction) -> bool:
    """Whether it is a ladder of narrow gates."""
    return isinstance(instruction, Gate) and bool(pauli_letters(instruction.name))


def local_circuit(
    instructions: Sequence[Instruction], num_qubits: int, checkpoint: Checkpoint = no_checkpoint
) -> LocalCircuit:
    """Return the gates of instructions in which `refusal` finds nothing; what they save is left out."""
    instructions, _ = without_saves(instructions)
    wire_of = list(range(num_qubits))
    gates: list[LocalGate] = []
    known: dict[tuple[Any, ...], NDArray[Any]] = {}
    for instruction in with_checkpoints(instructions, checkpoint):
        if isinstance(instruction, (Barrier, Delay)):
            continue
        if isinstance(instruction, Permutation):
            _rename(wire_of, instruction.targets, instruction.sources)
        elif isinstance(instruction, Gate) and instruction.name == "swap" and not instruction.controls:
            _rename(wire_of, instruction.targets, instruction.targets[::-1])
        else:
            for matrix, qubits in _matrices(instruction, known):
                wires = tuple([wire_of[qubit] for qubit in qubits])
                gates.append(LocalGate(matrix, wires, name_of(instruction), is_diagonal(matrix)))
    # Where no wire has to be fetched, the order in which gates are done may follow the centre of the state.
    joined = _Joined(keeps_diagonals=are_local([gate.wires for gate in gates]))
    for gate in with_checkpoints(gates, checkpoint):
        joined.add(gate)
    return LocalCircuit(num_qubits, tuple(joined.gates()), tuple(wire_of), joined.phase)


def are_local(wires: Iterable[Sequence[int]]) -> bool:
    """Whether the wires of each gate are neighbours."""
    return all(max(some) - min(some) < len(some) for some in wires if some)


def name_of(instruction: Instruction) -> str:
    """Return what an instruction is called in an error."""
    return instruction.name if isinstance(instruction, Gate) else type(instruction).__name__.lower()


def _rename(wire_of: list[int], targets: Sequence[int], sources: Sequence[int]) -> None:
    """Move the state of each source to its target."""
    moved = [wire_of[source] for source in sources]
    for target, wire in zip(targets, moved, strict=True):
        wire_of[target] = wire


def _matrices(
    instruction: Any, known: dict[tuple[Any, ...], NDArray[Any]]
) -> Iterable[tuple[NDArray[Any], tuple[int, ...]]]:
    """Yield the matrices that make an instruction, and the qubits of each; ``known`` are those of gates so far."""
    if isinstance(instruction, Initialize):
        yield _preparing(instruction.amplitudes.ndarray()), instruction.targets
    elif isinstance(instruction, Gate) and pauli_letters(instruction.name):
        yield from _rotation(instruction)
    elif isinstance(instruction, Gate):
        gate = (kind_of(instruction), instruction.params)
        if gate not in known:
            known[gate] = matrices_of(gate[0], [instruction], [0], None)[0]
        yield known[gate], qubits_of(instruction)
    else:
        yield matrices_of(kind_of(instruction), [instruction], [0], None)[0], qubits_of(instruction)


def _rotation(gate: Gate) -> Iterable[tuple[NDArray[Any], tuple[int, ...]]]:
    """Yield a rotation about a Pauli string as one about a Z between ladders of controlled X: bonds stay small."""
    letters, qubits = pauli_letters(gate.name), gate.targets
    changes = [(_TO_Z[letter], (qubit,)) for letter, qubit in zip(letters, qubits, strict=True) if letter in _TO_Z]
    # A controlled X has its target first.
    ladder = [(_X_UNDER_CONTROL, (after, before)) for before, after in pairwise(qubits)]
    half = gate.params[0] / 2
    yield from changes
    yield from ladder
    yield np.diag(np.exp([-1j * half, 1j * half])), qubits[-1:]
    yield from ladder[::-1]
    yield from [(change.conj().T, qubits) for change, qubits in changes]


def _preparing(amplitudes: NDArray[Any]) -> NDArray[Any]:
    """Return a unitary that takes |0...0> to these amplitudes: a Householder reflection, and a phase."""
    target = amplitudes / np.linalg.norm(amplitudes)
    phase = target[0] / abs(target[0]) if target[0] else 1.0
    mirror = target / phase
    mirror[0] -= 1
    norm = np.linalg.norm(mirror)
    if norm:
        mirror = mirror / norm
    matrix: NDArray[Any] = phase * (np.eye(target.size) - 2 * np.outer(mirror, mirror.conj()))
    return matrix


class _Joined:
    """Gates, each of which took in what acts on its wires only, until another gate shares one of these.

    ``keeps_diagonals``: a diagonal gate takes in no gate on fewer wires that is not, so that it stays one.
    """

    def __init__(self, *, keeps_diagonals: bool) -> None:
        self.phase = 1 + 0j
        self._keeps_diagonals = keeps_diagonals
        self._gates: list[LocalGate] = []
        #: Wire -> the index of the last gate on it.
        self._last: dict[int, int] = {}
        #: Wire -> what acts on it before its first wider gate.
        self._pending: dict[int, LocalGate] = {}

    def add(self, gate: LocalGate) -> None:
        wires = gate.wires
        if not wires:
            self.phase *= complex(gate.matrix[0, 0])
            return
        before = {self._last.get(wire) for wire in wires}
        index = before.pop()
        if index is not None and not before and self._joins(self._gates[index], gate):
            self._gates[index] = product(gate, self._gates[index], self._gates[index].wires)
            return
        if len(wires) == 1 and index is None:
            earlier = self._pending.get(wires[0])
            self._pending[wires[0]] = gate if earlier is None else product(gate, earlier, wires)
            return
        for earlier in [self._pending.pop(wire) for wire in wires if wire in self._pending]:
            if self._joins(gate, earlier):
                gate = product(gate, earlier, wires)
            else:
                self._append(earlier)
        self._append(gate)

    def _joins(self, gate: LocalGate, other: LocalGate) -> bool:
        """Whether a gate takes in another, before or behind it, whose wires it has."""
        if len(other.wires) == len(gate.wires):
            return True
        return not self._keeps_diagonals or other.diagonal or not gate.diagonal

    def _append(self, gate: LocalGate) -> None:
        self._last.update(dict.fromkeys(gate.wires, len(self._gates)))
        self._gates.append(gate)

    def gates(self) -> list[LocalGate]:
        """Return all gates, in an order in which they may be done; those on one wire are on no other gate's."""
        return [gate._replace(matrix=real(gate.matrix)) for gate in (*self._gates, *self._pending.values())]
