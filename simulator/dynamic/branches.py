"""Branches: shots at one instruction of the bytecode, and the few states that they are in.

A branch is all shots at one program counter: a few distinct states, a few distinct histories, many shots. What is
done to states is done once a state, what is done to classical values once a history, and only draws are made for
each shot. Branches that are cut from one share its `Shots`: each knows which groups are its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.dynamic.classical import Classical
from simulator.dynamic.shots import Shots
from simulator.dynamic.states import S
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.rng import Uniforms
from simulator.typing import Indices

#: Shots have at most so many times as many groups as there are histories.
_SPARSE = 8


class History(NamedTuple):
    """Shots that are in one state and have seen the same."""

    #: The number of their state.
    state: int
    classical: Classical
    #: How many random numbers each of the shots has used.
    draws: int
    #: What was drawn of a channel that is being applied.
    outcome: int = 0


@dataclass(slots=True, eq=False)
class Branch(Generic[S]):
    """Shots at one program counter."""

    #: Index of the operation that comes next.
    pc: int
    states: S
    histories: list[History]
    #: Shots of this branch and of others.
    shots: Shots
    #: The index of each group's history; -1: another branch's, or of no shot.
    history_of_group: Indices
    #: Of the only state, while the branch waits: equal states have equal fingerprints.
    fingerprint: int | None = None

    @property
    def num_states(self) -> int:
        """The number of states."""
        return self.states.count

    @property
    def state_bytes(self) -> int:
        """The bytes of one state."""
        return self.states.state_bytes()

    @property
    def num_shots(self) -> int:
        """The number of shots."""
        return int(self.shots.sizes[self.history_of_group >= 0].sum())

    @property
    def state_of_history(self) -> Indices:
        """The number of each history's state."""
        return np.array([history.state for history in self.histories])

    @property
    def kind(self) -> tuple[object, ...]:
        """What branches have in common that can be joined."""
        return self.pc, self.states.kind


def moved(histories: Iterable[History], states: Indices) -> list[History]:
    """Return histories with other numbers of their states."""
    return [history._replace(state=state) for history, state in zip(histories, states.tolist(), strict=True)]


def beginning(
    states: S, numbers: NDArray[np.int64], num_variables: int, checkpoint: Checkpoint = no_checkpoint
) -> Branch[S]:
    """Return the branch of all shots at the start, in one state that it will change."""
    history = History(0, Classical(0, (None,) * num_variables), 0)
    return Branch(0, states, [history], Shots.of(numbers, checkpoint), np.zeros(1, np.intp))


def drawn(
    branch: Branch[S], uniforms: Uniforms, checkpoint: Checkpoint
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield each shot's next random number, a batch of the shots, which are the branch's own then, at a time."""
    _own(branch, checkpoint)
    return branch.shots.drawn(_draw_of_group(branch), uniforms, checkpoint)


def split(branch: Branch[S], edges: NDArray[np.float64], uniforms: Uniforms, checkpoint: Checkpoint) -> Indices:
    """Draw each shot's outcome, and split histories by it; return each one's outcome.

    ``edges`` has shape (outcomes - 1, histories): an outcome is how many of a history's edges, which ascend, are
    not above the draw. The new histories have the same states, classical values and draws as those that they come
    from.
    """
    _own(branch, checkpoint)
    shots, count = branch.shots, len(branch.histories)
    most = (len(edges) + 1) * count
    shots.split(edges.take(branch.history_of_group, axis=1), _draw_of_group(branch), uniforms, checkpoint)
    histories = (np.arange(len(edges) + 1)[:, None] * count + branch.history_of_group).reshape(-1)
    histories[shots.sizes == 0] = most
    alive = np.flatnonzero(np.bincount(histories, minlength=most + 1)[:-1])
    new = np.full(most + 1, -1)
    new[alive] = np.arange(alive.size)
    branch.history_of_group = new.take(histories)
    branch.histories = [branch.histories[index] for index in (alive % count).tolist()]
    return alive // count


def parts(branch: Branch[S], chosen: Sequence[Indices], checkpoint: Checkpoint) -> list[Branch[S]]:
    """Cut a branch by its histories, each of which is chosen once; the last part may use its memory."""
    if len(chosen) == 1:
        return [branch]
    return [_part(branch, some, checkpoint, last=some is chosen[-1]) for some in chosen]


def halves(branch: Branch[S], checkpoint: Checkpoint) -> tuple[Branch[S], Branch[S]]:
    """Cut a branch of several states in two, the one of fewer shots first."""
    high = branch.state_of_history >= branch.num_states // 2
    one, other = parts(branch, [np.flatnonzero(~high), np.flatnonzero(high)], checkpoint)
    return (one, other) if one.num_shots <= other.num_shots else (other, one)


def join(one: Branch[S], other: Branch[S], checkpoint: Checkpoint) -> None:
    """Take the states and the shots of a branch of the same kind."""
    one.shots, one.history_of_group = _joined_shots(one, other, checkpoint)
    one.histories = one.histories + moved(other.histories, other.state_of_history + one.num_states)
    one.states.join(other.states, checkpoint)


def absorb(one: Branch[S], other: Branch[S], checkpoint: Checkpoint) -> None:
    """Take the shots of a branch that is in the same state."""
    one.shots, one.history_of_group = _joined_shots(one, other, checkpoint)
    one.histories = one.histories + other.histories


def same_state(one: Branch[S], other: Branch[S], checkpoint: Checkpoint) -> bool:
    """Return whether two branches of one kind have one state each, and the same."""
    if one.num_states > 1 or other.num_states > 1:
        return False
    for each in (one, other):
        each.fingerprint = each.fingerprint or each.states.fingerprints(checkpoint)[0]
    return one.fingerprint == other.fingerprint and one.states.equals(0, other.states, 0, checkpoint)


def merge(branch: Branch[S], checkpoint: Checkpoint) -> None:
    """Keep equal states once, and equal histories once."""
    if branch.num_states > 1:
        _merge_states(branch, checkpoint)
    new: dict[History, int] = {}
    kept = [new.setdefault(history, len(new)) for history in branch.histories]
    if len(new) < len(kept):
        branch.histories = list(new)
        branch.history_of_group = np.array([*kept, -1]).take(branch.history_of_group)


def _merge_states(branch: Branch[S], checkpoint: Checkpoint) -> None:
    states = branch.states
    fingerprints = states.fingerprints(checkpoint)
    if len(set(fingerprints)) == len(fingerprints):
        return
    alike: dict[int, list[int]] = {}
    kept: list[int] = []
    new_numbers = []
    for state, fingerprint in enumerate(fingerprints):
        others = alike.setdefault(fingerprint, [])
        same = next((new for new in others if states.equals(kept[new], states, state, checkpoint)), None)
        if same is None:
            same = len(kept)
            others.append(same)
            kept.append(state)
        new_numbers.append(same)
    if len(kept) < len(new_numbers):
        branch.states = states.take(np.array(kept), checkpoint)
        branch.histories = moved(branch.histories, np.array(new_numbers).take(branch.state_of_history))


def cut(branch: Branch[S], chosen: Indices, states: S, numbers: Indices) -> Branch[S]:
    """Return some of the histories, by their indices, with new states and their numbers in them."""
    histories = moved([branch.histories[index] for index in chosen.tolist()], numbers)
    new = np.full(len(branch.histories) + 1, -1)
    new[chosen] = np.arange(chosen.size)
    return Branch(branch.pc, states, histories, branch.shots, new.take(branch.history_of_group))


def _part(branch: Branch[S], chosen: Indices, checkpoint: Checkpoint, *, last: bool) -> Branch[S]:
    numbers, new_numbers = np.unique(branch.state_of_history[chosen], return_inverse=True)
    if last and numbers.size == branch.num_states:
        states = branch.states
    else:
        states = branch.states.take(numbers, checkpoint)
    return cut(branch, chosen, states, new_numbers)


def _joined_shots(one: Branch[S], other: Branch[S], checkpoint: Checkpoint) -> tuple[Shots, Indices]:
    """Return the shots of both, and each group's history; the other's histories come behind the one's."""
    if one.shots is not other.shots:
        _own(one, checkpoint)
        _own(other, checkpoint)
        behind = np.where(other.history_of_group < 0, -1, other.history_of_group + len(one.histories))
        return one.shots.joined(other.shots, checkpoint), np.concatenate([one.history_of_group, behind])
    behind = other.history_of_group + len(one.histories)
    return one.shots, np.where(other.history_of_group < 0, one.history_of_group, behind)


def _own(branch: Branch[S], checkpoint: Checkpoint) -> None:
    """Leave other branches' shots to them, and have about as many groups as there are histories."""
    shots, of_group, count = branch.shots, branch.history_of_group, len(branch.histories)
    if of_group.size > _SPARSE * count or shots.sizes[of_group < 0].any():
        branch.shots = shots.regrouped(of_group, count, checkpoint)
        branch.history_of_group = np.arange(count)


def _draw_of_group(branch: Branch[S]) -> Indices:
    """Return the number of each group's next draw."""
    return np.array([history.draws for history in branch.histories]).take(branch.history_of_group)
