"""Patterns go through the blocks together: a pattern is a row, and rows lie one behind the other in one array.

A row begins at its first hit, as a copy of the state without hits, which is carried along. A block multiplies each
row by its matrix in a product of its own, whose shape depends on the number of qubits only: so a row is, bit for
bit, what it would be alone. Rows with a hit in the block have matrices of their own. Where a state chooses, each
shot does by its own draw, and the row is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.kernels.dense import ONE_THREAD
from simulator.monitor import Checkpoint
from simulator.narrow import orders
from simulator.trajectories.blocks import BlockPlan
from simulator.trajectories.group_hits import GroupHits
from simulator.trajectories.patterns import Patterns
from simulator.typing import Amplitudes, Indices

#: log2 of the amplitudes of the rows that go through the blocks together.
_TOGETHER = 16
#: A group has room for so many times as many rows: for those that choices make of a row.
_SPARE = 2

#: Of some shots at the site of an insertion, which operator happens, given their weights: shape (operators,).
Choose: TypeAlias = Callable[[int, Indices, NDArray[np.float64]], Indices]
#: Patterns, each with some of its shots.
Group: TypeAlias = list[tuple[int, Indices]]


@dataclass(slots=True, eq=False)
class Rows:
    """Takes patterns to the end, some of them at a time, each with its shots."""

    plan: BlockPlan
    choose: Choose
    checkpoint: Checkpoint
    #: The state without hits, shape (1, 2^n), before the step ``at``; it is in the order of the step before.
    ideal: Amplitudes
    at: int = 0

    def finished(
        self, patterns: Patterns, groups: Iterable[Group]
    ) -> Iterator[tuple[Amplitudes, Mapping[int, int], list[Indices]]]:
        """Yield states at the end, shape (rows, 2^n), the bit of each qubit in them, and the shots of each.

        The groups are of `groups_of`, in this order; all, or some of them. The arrays are overwritten afterwards.
        """
        shape = _SPARE * together(self.plan.num_bits) + 1, 1 << self.plan.num_bits
        arrays = [np.empty(shape, self.plan.dtype) for _ in range(2)]
        for members in groups:
            hits = GroupHits(self.plan, patterns, [pattern for pattern, _ in members])
            self._carry(int(hits.first_steps[0]))
            group = _Group(self, hits, [shots for _, shots in members], *arrays)
            states, shots = group.run()
            yield states, self._bit_of, shots

    def at_end(self) -> tuple[Amplitudes, Mapping[int, int]]:
        """Return the state without hits at the end, shape (1, 2^n), and the bit of each qubit there."""
        self._carry(len(self.plan.steps))
        return self.ideal, self._bit_of

    @property
    def _bit_of(self) -> Mapping[int, int]:
        """The bit of each qubit at the end."""
        plan = self.plan
        positions = orders.positions(plan.num_bits, order_before(plan, len(plan.steps)))
        return {qubit: positions[bit] for qubit, bit in plan.bit_of.items() if qubit >= 0}

    def _carry(self, step: int) -> None:
        """Take the state without hits to before a step."""
        spare, order = np.empty_like(self.ideal), order_before(self.plan, self.at)
        for number in range(self.at, step):
            self.checkpoint()
            self.ideal, spare = moved(self.plan, order, number, self.ideal, spare)
            order = self.plan.steps[number].order
            change = self.plan.steps[number].change
            if change is not None:
                change(self.ideal, spare, self.checkpoint)
            else:
                multiply(self.ideal, self.plan.forms[self.plan.steps[number].block], spare)
                self.ideal, spare = spare, self.ideal
        self.at = max(step, self.at)


def groups_of(num_bits: int, num_operators: Indices, patterns: Patterns) -> Iterator[Group]:
    """Yield patterns that go on together, with their shots, in the order of first hits; of wide states each alone.

    Where states choose, each shot may become a row: there, a pattern with many shots is several rows.
    """
    if not patterns.count:
        return
    room = together(num_bits)
    chooses = np.maximum.reduceat(num_operators[patterns.insertions], patterns.begins[:-1]) > 1
    group: Group = []
    possible = 0
    for pattern, may_part in enumerate(chooses.tolist()):
        shots = patterns.shots_of(pattern)
        step = room if may_part else shots.size
        for start in range(0, shots.size, step):
            some = shots[start : start + step]
            grows = some.size if may_part else 1
            if group and (len(group) == room or possible + grows > _SPARE * room):
                yield group
                group, possible = [], 0
            group.append((pattern, some))
            possible += grows
    yield group


def together(num_bits: int) -> int:
    """Return how many rows of so many bits go through the blocks together."""
    return max(1, (1 << _TOGETHER) >> num_bits)


def rows_bytes(num_bits: int, amplitude: int) -> int:
    """Return the bytes of all rows that there are at once in a thread."""
    return (2 * (_SPARE * together(num_bits) + 1) + 3) * amplitude << num_bits


def order_before(plan: BlockPlan, step: int) -> int:
    """Return the order that states are in before a step."""
    return plan.steps[step - 1].order if step else 0


def moved(
    plan: BlockPlan, order: int, step: int, rows: Amplitudes, spare: Amplitudes
) -> tuple[Amplitudes, Amplitudes]:
    """Return rows of an order in that of a step, and the array that is free then."""
    if plan.steps[step].order == order:
        return rows, spare
    orders.rearrange(plan.num_bits, order, plan.steps[step].order, rows, spare)
    return spare, rows


def multiply(rows: Amplitudes, forms: Amplitudes, goal: Amplitudes) -> None:
    """Multiply rows in products of one shape, small enough for BLAS to use one thread."""
    np.matmul(_cut(rows, forms), forms, out=_cut(goal, forms))


def _cut(rows: Amplitudes, forms: Amplitudes) -> Amplitudes:
    """Return a view of rows as the left factors of products with matrices: shape (rows, pieces, height, side)."""
    side = forms.shape[-1]
    height = min(2 * rows.shape[-1] // side, (1 << ONE_THREAD) // side**2)
    return rows.view(forms.dtype).reshape(len(rows), -1, height, side)


class _Group:
    """Some patterns on their way through the blocks."""

    def __init__(
        self, rows: Rows, hits: GroupHits, shots: list[Indices], array: Amplitudes, spare: Amplitudes
    ) -> None:
        self._of, self._plan, self._hits, self._waiting = rows, rows.plan, hits, shots
        self._rows, self._spare = array, spare
        self._rows[:1] = rows.ideal
        #: Of each row, its shots, and the index of its pattern in the group.
        self._shots: list[Indices] = []
        self._member_of = np.empty(len(array), np.intp)
        #: How many patterns have begun. Until the last one has, the state without hits is behind the rows.
        self._begun = 0

    def run(self) -> tuple[Amplitudes, list[Indices]]:
        """Return the states at the end, and the shots of each."""
        plan, order = self._plan, order_before(self._plan, self._of.at)
        for number in range(self._of.at, len(plan.steps)):
            self._of.checkpoint()
            self._begin(number)
            active = self._active
            step = plan.steps[number]
            if step.order != order:
                moved(plan, order, number, self._rows[:active], self._spare[:active])
                self._rows, self._spare, order = self._spare, self._rows, step.order
            if step.change is not None:
                step.change(self._rows[:active], self._spare[:active], self._of.checkpoint)
                continue
            multiply(self._rows[:active], plan.forms[step.block], self._spare[:active])
            if number in self._hits.variants:
                self._vary(*self._hits.variants[number])
            for member, insertions in self._hits.choosing.get(number, ()):
                for row in np.flatnonzero(self._member_of[: len(self._shots)] == member).tolist():
                    self._of.checkpoint()
                    self._part(row, member, step.block, insertions)
            self._rows, self._spare = self._spare, self._rows
        return self._rows[: len(self._shots)], self._shots

    @property
    def _active(self) -> int:
        """How many rows there are, the state without hits among them."""
        return len(self._shots) + (self._begun < len(self._waiting))

    def _begin(self, step: int) -> None:
        """Begin the rows that have their first hit in a step, each as a copy of the state without hits."""
        waiting, rows = self._waiting, self._rows
        while self._begun < len(waiting) and self._hits.first_steps[self._begun] == step:
            count = len(self._shots)
            rows[count + 1] = rows[count]
            self._member_of[count] = self._begun
            self._shots.append(waiting[self._begun])
            self._begun += 1
            if self._begun == len(waiting):
                self._of.ideal, self._of.at = rows[count + 1 : count + 2].copy(), step

    def _vary(self, members: Indices, forms: Amplitudes) -> None:
        """Multiply the rows of some patterns by matrices of their own."""
        member_of = self._member_of[: len(self._shots)]
        varies = np.zeros(len(self._waiting), np.bool_)
        varies[members] = True
        own = np.flatnonzero(varies[member_of])
        some = self._rows[own]
        goal = np.empty_like(some)
        multiply(some, forms[members.searchsorted(member_of[own]), None], goal)
        self._spare[own] = goal

    def _part(self, row: int, member: int, block: int, insertions: Indices) -> None:
        """Take a row through a block where its state chooses; what it becomes, beside one row, goes behind all."""
        for index, (state, shots) in enumerate(self._chosen(row, block, insertions)):
            if not index:
                self._spare[row], self._shots[row] = state, shots
                continue
            count = len(self._shots)
            if self._active > count:
                self._spare[count + 1] = self._spare[count]
            self._spare[count], self._member_of[count] = state, member
            self._shots.append(shots)

    def _chosen(self, row: int, block: int, insertions: Indices) -> list[tuple[Amplitudes, Indices]]:
        """Return what becomes of a row in a block where its state chooses, with the shots of each."""
        plan = self._plan
        ways = [(self._rows[row : row + 1], self._shots[row])]
        for insertion in insertions.tolist():
            forms = plan.form(plan.choices(insertion))[:, None]
            before, ways = ways, []
            for state, own in before:
                results = np.empty((len(forms), state.size), plan.dtype)
                for form, result in zip(forms, results, strict=True):
                    self._of.checkpoint()
                    multiply(state, form, result[None])
                if len(forms) == 1:
                    ways.append((results, own))
                    continue
                weights = np.square(results.view(forms.dtype), dtype=np.float64).sum(axis=1)
                chosen = self._of.choose(insertion, own, weights)
                for each in np.unique(chosen).tolist():
                    scale = (1 / np.sqrt(weights[each])).astype(forms.dtype)
                    ways.append((results[each : each + 1] * scale, own[chosen == each]))
        found = []
        for state, own in ways:
            self._of.checkpoint()
            goal = np.empty_like(state)
            multiply(state, plan.forms[block], goal)
            found.append((goal[0], own))
        return found
