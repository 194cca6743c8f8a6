"""Errors pushed through the circuit as Pauli frames, until an instruction does not let them pass.

A Clifford gate turns a frame into another; other instructions let pass what commutes with them. What cannot pass
is left behind, all that the frame has on the instruction's qubits: a hit, at a slot in front of it. (Were only
the part left that does not commute, the next gates would stop the rest again.) What passes everything flips
outcomes of measurements. So shots without hits are in the state that the circuit has without noise, and shots with
the same hits are in the same state.

An error in which the state has a say is a hit where it happens, after what the frame has on its qubits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.channel import Pauli
from simulator.monitor import Checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan import Evolving
from simulator.trajectories.circuit import NoisyCircuit, Site
from simulator.trajectories.draws import Events
from simulator.trajectories.mixture import LETTERS, Mixture
from simulator.trajectories.rules import STOPPED, Commuting, Linear, Rule, Table, rules_of, stopped_by
from simulator.typing import Indices, Matrices

#: Operations between two checkpoints.
_OPERATIONS = 1 << 10
#: Pauli strings on one qubit that are not the identity.
_LETTERS = 3


class Slot(NamedTuple):
    """A place where something may be inserted into the circuit: Pauli strings on a qubit, or other operators."""

    qubits: tuple[int, ...]
    #: The number of its first insertion; the others follow.
    first: int


class Insertion(NamedTuple):
    """Operators that may be inserted at a slot, one of which happens."""

    slot: int
    #: Which of the slot's qubits.
    places: tuple[int, ...]
    #: Shape (operators, 2^k, 2^k).
    stack: Matrices
    #: The site of the error in which the state has a say; -1: it has none.
    site: int


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What is left in the circuit of the errors of some shots."""

    #: The shots that have errors, ascending, counted as in `Events`.
    shots: Indices
    #: Index of a shot in ``shots``, and the number of an insertion, in no order.
    rows: Indices
    insertions: Indices
    #: Qubit -> for each of ``shots`` whether its outcome is the other one; a qubit that never is, is not there.
    flips: dict[int, NDArray[np.uint8]]


class _Gate(NamedTuple):
    """Errors go through a gate."""

    qubits: tuple[int, ...]
    rule: Rule
    #: For each qubit the first insertion of its slot, if the gate may stop errors.
    slots: tuple[int, ...]


class _Happens(NamedTuple):
    """Errors happen at a site."""

    site: int
    mixture: Mixture
    qubits: tuple[int, ...]
    #: For each qubit the first insertion of the slot for what the frame has there; empty where no state chooses.
    slots: dict[int, tuple[int, ...]]
    #: Of each error, of each of its steps in which the state has a say, the insertion.
    insertions: dict[tuple[int, int], int]


@dataclass(slots=True, eq=False)
class Frames:
    """How the errors of a circuit are pushed, and where they may be left; make it by `frames_of`."""

    #: Gates, and between them slots, in the order of the circuit.
    sequence: list[Evolving | Slot] = field(default_factory=list)
    insertions: list[Insertion] = field(default_factory=list)
    steps: list[_Gate | _Happens] = field(default_factory=list)

    def push(self, events: Events, num_qubits: int, checkpoint: Checkpoint) -> Hits:
        """Push the errors of some shots."""
        shots, rows = np.unique(events.shots, return_inverse=True)
        order = np.argsort(events.sites, kind="stable")
        pushing = _Pushing(num_qubits, shots.size)
        sites, rows, errors = events.sites[order], rows[order], events.errors[order]
        most = int(sites[-1]) + 1 if sites.size else 0
        ends = np.searchsorted(sites, np.arange(most + 1)).tolist()
        for step in self.steps:
            checkpoint()
            if isinstance(step, _Gate):
                pushing.pass_gate(step)
            elif step.site < most and ends[step.site] < ends[step.site + 1]:
                some = slice(ends[step.site], ends[step.site + 1])
                pushing.happen(step, rows[some], errors[some])
        return pushing.hits(shots)


def frames_of(circuit: NoisyCircuit, checkpoint: Checkpoint) -> Frames:
    """Return how the errors of a circuit are pushed."""
    frames = Frames()
    gates = [each for each in circuit.operations if not isinstance(each, Site)]
    rules = iter(rules_of(gates, checkpoint))
    #: Qubits that a frame may have something on.
    reached: set[int] = set()
    site = 0
    for operation in with_checkpoints(circuit.operations, checkpoint, _OPERATIONS):
        if isinstance(operation, Site):
            reached.update(operation.qubits)
            frames.steps.append(_site(frames, site, operation, circuit.mixtures[operation.mixture]))
            site += 1
            continue
        rule = next(rules)
        qubits = operation.targets + getattr(operation, "controls", ())
        if not reached.isdisjoint(qubits):
            stops = not isinstance(rule, Linear)
            slots = tuple([_pauli_slot(frames, qubit) if stops and qubit in reached else -1 for qubit in qubits])
            if not (isinstance(rule, Linear) and _does_nothing(rule)):
                frames.steps.append(_Gate(qubits, rule, slots))
            if not isinstance(rule, Commuting):
                reached.update(qubits)
        frames.sequence.append(operation)
    return frames


def _site(frames: Frames, number: int, site: Site, mixture: Mixture) -> _Happens:
    """Return how the errors of a site happen, and make slots for those in which the state has a say."""
    chosen = mixture.chosen
    slots: dict[int, tuple[int, ...]] = {}
    insertions: dict[tuple[int, int], int] = {}
    for rank in range(max(map(len, chosen), default=0)):
        some = [(error, *steps[rank]) for error, steps in enumerate(chosen) if len(steps) > rank]
        places = sorted({place for _, _, step in some for place in step.places})
        slots[rank] = tuple(
            [
                _pauli_slot(frames, site.qubits[place]) if place in places else -1
                for place in range(len(site.qubits))
            ]
        )
        numbers: dict[object, int] = {}
        slot = len(frames.insertions)
        frames.sequence.append(Slot(tuple([site.qubits[place] for place in places]), slot))
        for error, index, step in some:
            if step.key not in numbers:
                numbers[step.key] = len(frames.insertions)
                inside = tuple([places.index(place) for place in step.places])
                site_that_chooses = number if len(step.stack) > 1 else -1
                frames.insertions.append(Insertion(slot, inside, step.stack, site_that_chooses))
            insertions[error, index] = numbers[step.key]
    return _Happens(number, mixture, site.qubits, slots, insertions)


def _pauli_slot(frames: Frames, qubit: int) -> int:
    """Return the first insertion of a new slot for Pauli strings on a qubit."""
    first = len(frames.insertions)
    frames.sequence.append(Slot((qubit,), first))
    frames.insertions += [Insertion(first, (0,), LETTERS[code, None], -1) for code in range(1, _LETTERS + 1)]
    return first


def _does_nothing(rule: Linear) -> bool:
    return all(row == (index,) for index, row in enumerate(rule.rows))


class _Pushing:
    """The frames of some shots, at one moment."""

    def __init__(self, num_qubits: int, count: int) -> None:
        self._count = count
        #: Of each qubit its X bits at an even index and its Z bits behind; None: all are 0. No array is changed,
        #: since several bits may be the same one.
        self._bits: list[NDArray[np.uint8] | None] = [None] * (2 * num_qubits)
        self._rows: list[Indices] = [np.zeros(0, np.intp)]
        self._insertions: list[Indices] = [np.zeros(0, np.intp)]

    def hits(self, shots: Indices) -> Hits:
        """Return what was left, and what outcomes are flipped."""
        flips = {index // 2: bits for index, bits in enumerate(self._bits) if bits is not None and not index % 2}
        return Hits(shots, np.concatenate(self._rows), np.concatenate(self._insertions), flips)

    def pass_gate(self, gate: _Gate) -> None:
        """Push all frames through a gate, or leave in front of it what does not pass."""
        indices = [2 * qubit + bit for qubit in gate.qubits for bit in (0, 1)]
        old = [self._bits[index] for index in indices]
        if all(bits is None for bits in old):
            return
        if isinstance(gate.rule, Linear):
            for index, sources in zip(indices, gate.rule.rows, strict=True):
                total = None
                for source in sources:
                    bits = old[source]
                    if bits is not None:
                        total = bits if total is None else total ^ bits
                self._bits[index] = total
            return
        if isinstance(gate.rule, Table):
            codes = np.zeros(self._count, np.uint8)
            for index, bits in enumerate(old):
                if bits is not None:
                    codes |= bits << index
            images = gate.rule.images.take(codes)
            rows = np.flatnonzero(images == STOPPED)
            self._leave(rows, gate.qubits, gate.slots)
            images[rows] = 0
            for index, place in enumerate(indices):
                passed = (images >> index & 1).astype(np.uint8)
                self._bits[place] = passed if passed.any() else None
            return
        x, z = (np.array([self._dense(2 * qubit + bit) for qubit in gate.qubits]) for bit in (0, 1))
        rows = np.flatnonzero(stopped_by(gate.rule, x, z))
        self._leave(rows, gate.qubits, gate.slots)

    def happen(self, step: _Happens, rows: Indices, errors: Indices) -> None:
        """Let errors happen, one in each of some rows."""
        if not step.mixture.chooses:
            self._multiply(step.qubits, rows, *_masks(step.mixture, errors))
            return
        for error in np.unique(errors).tolist():
            own, rank = rows[errors == error], 0
            for index, each in enumerate(step.mixture.errors[error]):
                if isinstance(each, Pauli):
                    self._multiply(step.qubits, own, np.full(own.size, each.x), np.full(own.size, each.z))
                    continue
                places = each.places
                qubits = tuple([step.qubits[place] for place in places])
                self._leave(own, qubits, tuple([step.slots[rank][place] for place in places]))
                self._rows.append(own)
                self._insertions.append(np.full(own.size, step.insertions[error, index]))
                rank += 1

    def _multiply(self, qubits: Sequence[int], rows: Indices, x: Indices, z: Indices) -> None:
        """Multiply the frames of some rows by Pauli strings; bit i of a mask is ``qubits[i]``."""
        for place, qubit in enumerate(qubits):
            for index, masks in ((2 * qubit, x), (2 * qubit + 1, z)):
                own = (masks >> place & 1).astype(np.uint8)
                if own.any():
                    bits = self._dense(index).copy()
                    bits[rows] ^= own
                    self._bits[index] = bits

    def _leave(self, rows: Indices, qubits: Sequence[int], slots: Sequence[int]) -> None:
        """Leave in the slots all that the frames of some rows have on some qubits."""
        if not rows.size:
            return
        for qubit, slot in zip(qubits, slots, strict=True):
            codes = np.zeros(rows.size, np.uint8)
            for bit in (0, 1):
                bits = self._bits[2 * qubit + bit]
                if bits is not None:
                    codes |= bits[rows] << bit
                    bits = bits.copy()
                    bits[rows] = 0
                    self._bits[2 * qubit + bit] = bits
            some = np.flatnonzero(codes)
            if some.size:
                self._rows.append(rows[some])
                self._insertions.append(codes[some].astype(np.intp) + (slot - 1))

    def _dense(self, index: int) -> NDArray[np.uint8]:
        bits = self._bits[index]
        return np.zeros(self._count, np.uint8) if bits is None else bits


def _masks(mixture: Mixture, errors: Indices) -> tuple[Indices, Indices]:
    """Return the masks of errors that are one Pauli string each."""
    strings = [step for (step,) in mixture.errors if isinstance(step, Pauli)]
    return (
        np.array([string.x for string in strings], np.int64)[errors],
        np.array([string.z for string in strings], np.int64)[errors],
    )
