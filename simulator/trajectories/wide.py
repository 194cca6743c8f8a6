"""Patterns of wide states: each is a circuit of its own, the gates with the pattern's hits between them.

To plan a circuit takes less time than a wide state takes to go through it, and a plan of whole circuits makes more
of its gates than the blocks of `rows` do: of diagonals, of permutations, and of what fits a cache. So that what a
pattern gives does not depend on other patterns, it begins at one of a few fixed gates, from the state without hits
there: the last one before its first hit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate, Unitary
from simulator.evolve import Evolution, Statevector, Statevectors
from simulator.monitor import Checkpoint, Monitor
from simulator.plan import Evolving
from simulator.trajectories.frames import Frames, Insertion, Slot
from simulator.trajectories.mixture import LETTERS
from simulator.trajectories.patterns import Patterns
from simulator.trajectories.rows import Choose, Group
from simulator.typing import Amplitudes, Indices

#: Qubits from which on planning pays. Measured.
LEAST_QUBITS = 18
#: Stretches of gates between the places where patterns begin.
_STRETCHES = 16


class WidePlan:
    """What is done to all states of a circuit; made once for it."""

    def __init__(self, frames: Frames, qubits: Sequence[int], dtype: np.dtype[Any]) -> None:
        """Take the qubits of the states, the first at bit 0, and the type of the states."""
        self.num_bits, self.dtype = len(qubits), dtype
        self.qubits = tuple(qubits)
        self.gates: list[Evolving] = []
        slots: dict[int, tuple[int, tuple[int, ...]]] = {}
        for each in frames.sequence:
            if isinstance(each, Slot):
                slots[each.first] = len(self.gates), each.qubits
            else:
                self.gates.append(each)
        self._insertions = frames.insertions
        self._qubits_of = [
            tuple([slots[each.slot][1][place] for place in each.places]) for each in frames.insertions
        ]
        #: Of each insertion: how many gates are before it, and how many operators it has.
        self.before = np.array([slots[each.slot][0] for each in frames.insertions], np.intp)
        self.num_operators = np.array([len(each.stack) for each in frames.insertions], np.intp)
        #: Insertions are numbered in the order of the circuit, as patterns have them.
        self.rank: Indices = np.arange(len(frames.insertions))
        self.by_rank = self.rank
        #: How many gates are before each place where patterns begin; the last place is the end.
        self.places = np.unique(np.linspace(0, len(self.gates), _STRETCHES + 1).astype(np.intp))

    def place_before(self, insertion: int) -> int:
        """Return the index of the last place before an insertion."""
        return int(self.places.searchsorted(self.before[insertion], side="right")) - 1

    def qubits_of(self, insertion: int) -> tuple[int, ...]:
        """Return the qubits that the operators of an insertion act on."""
        return self._qubits_of[insertion]

    def stack(self, insertion: int) -> Amplitudes:
        """Return the operators of an insertion, shape (operators, 2^k, 2^k)."""
        return self._insertions[insertion].stack

    def inserted(self, insertion: int) -> Evolving:
        """Return an insertion of one operator as an instruction."""
        return _instruction(self._insertions[insertion], self._qubits_of[insertion])


def _instruction(insertion: Insertion, qubits: tuple[int, ...]) -> Evolving:
    (operator,) = insertion.stack
    if len(qubits) == 1:
        for name, letter in zip(("id", "x", "z", "y"), LETTERS, strict=True):
            if np.array_equal(operator, letter):
                return Gate(name, qubits)
    return Unitary(Array.of(operator), qubits)


@dataclass(slots=True, eq=False)
class WideStates:
    """Takes patterns to the end, one after the other."""

    plan: WidePlan
    choose: Choose
    checkpoint: Checkpoint
    #: The state without hits, at the place ``at``.
    ideal: Statevector
    at: int = 0

    def finished(
        self, patterns: Patterns, groups: Iterable[Group]
    ) -> Iterator[tuple[Amplitudes, Mapping[int, int], list[Indices]]]:
        """Yield states at the end, shape (1, 2^n), the bit of each qubit there, and the shots, as `Rows` does."""
        for pattern, shots in chain.from_iterable(groups):
            insertions = patterns.insertions_of(pattern).tolist()
            self._carry(self.plan.place_before(insertions[0]))
            # Where states choose, each shot does by its own draw.
            parts = self.plan.num_operators[insertions].max() > 1
            for own in np.split(shots, shots.size) if parts else [shots]:
                self.checkpoint()
                state = self.ideal.with_amplitudes(self.ideal.amplitudes.copy())
                self._run(state, insertions, own)
                yield state.amplitudes[None], state.bit_of, [own]

    def at_end(self) -> tuple[Amplitudes, Mapping[int, int]]:
        """Return the state without hits at the end, and the bit of each qubit there."""
        self._carry(self.plan.places.size - 1)
        return self.ideal.amplitudes[None], self.ideal.bit_of

    def _carry(self, place: int) -> None:
        """Take the state without hits to a place."""
        plan = self.plan
        for start, end in zip(plan.places[self.at : place], plan.places[self.at + 1 : place + 1], strict=True):
            self._evolve(self.ideal, plan.gates[start:end])
        self.at = max(self.at, place)

    def _run(self, state: Statevector, insertions: Sequence[int], shots: Indices) -> None:
        """Take a state from the place where it is to the end, with insertions on its way."""
        plan, begin = self.plan, int(self.plan.places[self.at])
        pending: list[Evolving] = []
        for insertion in insertions:
            end = int(plan.before[insertion])
            pending += plan.gates[begin:end]
            begin = end
            if plan.num_operators[insertion] == 1:
                pending.append(plan.inserted(insertion))
            else:
                self._evolve(state, pending)
                pending = []
                self._part(state, insertion, shots)
        self._evolve(state, [*pending, *plan.gates[begin:]])

    def _part(self, state: Statevector, insertion: int, shots: Indices) -> None:
        """Do to a state, which is of one shot, what it chooses."""
        states, qubits, stack = Statevectors(state), self.plan.qubits_of(insertion), self.plan.stack(insertion)
        (reduced,) = states.reduced(qubits, self.checkpoint)
        weights = np.einsum("kab,bc,kac->k", stack, reduced, stack.conj()).real
        chosen = self.choose(insertion, shots, np.maximum(weights, 0.0))
        states.apply(qubits, stack, chosen, self.checkpoint)

    def _evolve(self, state: Statevector, gates: Sequence[Evolving]) -> None:
        if gates:
            Evolution(gates, self.checkpoint).run(state, Monitor(self.checkpoint))
