"""Cohorts: shots at one address of a dynamic circuit, and the few states that they are in.

Equal states are kept once, as rows of one array, and equal histories once, as members: so what is done to states,
to classical values and to shots is done once a state, once a member, and once a crowd. Cohorts that are cut from
one share its crowd: each knows which marks are its members'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.dynamic.crowd import Crowd, chosen, crowd_of, united
from simulator.dynamic.evaluation import Classical
from simulator.evolve import Statevector
from simulator.kernels.measure import fingerprints
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import concatenate, slices, take_rows
from simulator.rng import Uniforms

#: A crowd has at most so many times as many marks as there are members.
_SPARSE = 8


class Member(NamedTuple):
    """Shots that are in one state and have seen the same."""

    #: The row of their state.
    row: int
    classical: Classical
    #: How many random numbers each of the shots has used.
    draws: int


@dataclass(slots=True, eq=False)
class Cohort:
    """Shots at one address."""

    address: int
    #: One state behind the other: amplitudes of shape (rows * 2^n,).
    state: Statevector
    members: list[Member]
    #: Shots of this cohort and of others.
    crowd: Crowd
    #: The member's place of each mark; -1: another cohort's, or of no shot.
    places: NDArray[np.intp]
    #: Of one state, while the cohort waits: equal states have equal fingerprints.
    fingerprint: int | None = None

    @property
    def rows(self) -> NDArray[Any]:
        """The states, shape (states, 2^n)."""
        return self.state.amplitudes.reshape(-1, 1 << len(self.state.bit_of))

    @property
    def num_rows(self) -> int:
        """The number of states."""
        return self.state.amplitudes.size >> len(self.state.bit_of)

    @property
    def row_bytes(self) -> int:
        """The bytes of one state, as if it were complex: a real one may become so."""
        dtype = self.state.amplitudes.dtype
        return dtype.itemsize << len(self.state.bit_of) + (dtype.kind == "f")

    @property
    def num_shots(self) -> int:
        """The number of shots."""
        return int(self.crowd.sizes[self.places >= 0].sum())

    @property
    def rows_of_members(self) -> NDArray[np.intp]:
        """Each member's row."""
        return np.array([member.row for member in self.members])

    @property
    def kind(self) -> tuple[object, ...]:
        """What cohorts have in common that can be joined."""
        return self.address, self.state.amplitudes.dtype, tuple(self.state.bit_of.items())


def moved(members: Iterable[Member], rows: NDArray[np.intp]) -> list[Member]:
    """Return members with new rows."""
    return [
        Member(row, classical, draws) for (_, classical, draws), row in zip(members, rows.tolist(), strict=True)
    ]


def beginning(
    state: Statevector,
    shots: NDArray[np.int64],
    num_variables: int,
    checkpoint: Checkpoint = no_checkpoint,
) -> Cohort:
    """Return the cohort of all shots at the start, in one state that it will change."""
    member = Member(0, Classical(0, (None,) * num_variables), 0)
    return Cohort(0, state, [member], crowd_of(shots, checkpoint), np.zeros(1, np.intp))


def drawn(
    cohort: Cohort, uniforms: Uniforms, checkpoint: Checkpoint
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield each shot's next random number, a batch of the crowd, which is the cohort's own then, at a time."""
    _own(cohort, checkpoint)
    return cohort.crowd.drawn(_numbers(cohort), uniforms.reals, checkpoint)


def split(
    cohort: Cohort, shares: NDArray[np.float64], uniforms: Uniforms, checkpoint: Checkpoint
) -> NDArray[np.intp]:
    """Draw each shot's outcome, 0 with its member's share, and split members by it; return each new one's outcome.

    The new members have the same rows, classical values and draws as those that they come from.
    """
    _own(cohort, checkpoint)
    crowd, count = cohort.crowd, len(cohort.members)
    crowd.split(shares.take(cohort.places), _numbers(cohort), uniforms, checkpoint)
    members = np.concatenate([cohort.places, cohort.places + count])
    members[crowd.sizes == 0] = 2 * count
    alive = np.flatnonzero(np.bincount(members, minlength=2 * count + 1)[:-1])
    new = np.full(2 * count + 1, -1)
    new[alive] = np.arange(alive.size)
    cohort.places = new.take(members)
    cohort.members = [cohort.members[place] for place in (alive % count).tolist()]
    return alive // count


def parts(cohort: Cohort, groups: Sequence[NDArray[np.intp]], checkpoint: Checkpoint) -> list[Cohort]:
    """Cut a cohort by its members' places, each of which is in one group; the last may use its memory."""
    if len(groups) == 1:
        return [cohort]
    return [_part(cohort, group, checkpoint, last=group is groups[-1]) for group in groups]


def halves(cohort: Cohort, checkpoint: Checkpoint) -> tuple[Cohort, Cohort]:
    """Cut a cohort of several states in two, the one of fewer shots first."""
    high = cohort.rows_of_members >= cohort.num_rows // 2
    one, other = parts(cohort, [np.flatnonzero(~high), np.flatnonzero(high)], checkpoint)
    return (one, other) if one.num_shots <= other.num_shots else (other, one)


def join(one: Cohort, other: Cohort, checkpoint: Checkpoint) -> None:
    """Take the states and the shots of a cohort of the same kind."""
    one.crowd, one.places = _crowded(one, other, checkpoint)
    one.members = one.members + moved(other.members, other.rows_of_members + one.num_rows)
    one.state.amplitudes = concatenate([one.state.amplitudes, other.state.amplitudes], checkpoint)
    one.state.maybe_excited |= other.state.maybe_excited


def absorb(one: Cohort, other: Cohort, checkpoint: Checkpoint) -> None:
    """Take the shots of a cohort that is in the same state."""
    one.crowd, one.places = _crowded(one, other, checkpoint)
    one.members = one.members + other.members


def same_state(one: Cohort, other: Cohort, checkpoint: Checkpoint) -> bool:
    """Return whether two cohorts of one kind have one state each, and the same."""
    if one.num_rows > 1 or other.num_rows > 1:
        return False
    for each in (one, other):
        each.fingerprint = each.fingerprint or int(fingerprints(each.rows, checkpoint, each.state.tuning)[0])
    return one.fingerprint == other.fingerprint and _equal(one.rows[0], other.rows[0], checkpoint)


def merge(cohort: Cohort, checkpoint: Checkpoint) -> None:
    """Keep equal states once, and equal members once."""
    if cohort.num_rows > 1:
        _merge_states(cohort, checkpoint)
    new: dict[Member, int] = {}
    kept = [new.setdefault(member, len(new)) for member in cohort.members]
    if len(new) < len(kept):
        cohort.members = list(new)
        cohort.places = np.array([*kept, -1]).take(cohort.places)


def _merge_states(cohort: Cohort, checkpoint: Checkpoint) -> None:
    states = cohort.rows
    hashes = fingerprints(states, checkpoint, cohort.state.tuning).tolist()
    if len(set(hashes)) == len(hashes):
        return
    alike: dict[int, list[int]] = {}
    kept: list[int] = []
    new_rows = []
    for row, fingerprint in enumerate(hashes):
        others = alike.setdefault(fingerprint, [])
        same = next((new for new in others if _equal(states[kept[new]], states[row], checkpoint)), None)
        if same is None:
            same = len(kept)
            others.append(same)
            kept.append(row)
        new_rows.append(same)
    if len(kept) < len(new_rows):
        cohort.state.amplitudes = take_rows(states, np.array(kept), checkpoint).reshape(-1)
        cohort.members = moved(cohort.members, np.array(new_rows).take(cohort.rows_of_members))


def cut(cohort: Cohort, group: NDArray[np.intp], rows: NDArray[np.intp], state: Statevector) -> Cohort:
    """Return some of the members, by their places, with new states and their rows in them."""
    members = moved([cohort.members[place] for place in group.tolist()], rows)
    new = np.full(len(cohort.members) + 1, -1)
    new[group] = np.arange(group.size)
    return Cohort(cohort.address, state, members, cohort.crowd, new.take(cohort.places))


def _part(cohort: Cohort, group: NDArray[np.intp], checkpoint: Checkpoint, *, last: bool) -> Cohort:
    rows, new_rows = np.unique(cohort.rows_of_members[group], return_inverse=True)
    if last and rows.size == cohort.num_rows:
        amplitudes = cohort.state.amplitudes
    else:
        amplitudes = take_rows(cohort.rows, rows, checkpoint).reshape(-1)
    state = cohort.state.with_amplitudes(amplitudes)
    return cut(cohort, group, new_rows, state)


def _equal(one: NDArray[Any], other: NDArray[Any], checkpoint: Checkpoint) -> bool:
    return all(np.array_equal(one[some], other[some]) for some in slices(one.size, checkpoint))


def _crowded(one: Cohort, other: Cohort, checkpoint: Checkpoint) -> tuple[Crowd, NDArray[np.intp]]:
    """Return the crowd of both, and the places of its marks; the other's members come behind the one's."""
    if one.crowd is not other.crowd:
        _own(one, checkpoint)
        _own(other, checkpoint)
        behind = np.where(other.places < 0, -1, other.places + len(one.members))
        return united(one.crowd, other.crowd, checkpoint), np.concatenate([one.places, behind])
    return one.crowd, np.where(other.places < 0, one.places, other.places + len(one.members))


def _own(cohort: Cohort, checkpoint: Checkpoint) -> None:
    """Leave other cohorts' shots to them, and give the crowd about as many marks as there are members."""
    crowd, places, count = cohort.crowd, cohort.places, len(cohort.members)
    if places.size > _SPARSE * count or crowd.sizes[places < 0].any():
        cohort.crowd = chosen(crowd, places, count, checkpoint)
        cohort.places = np.arange(count)


def _numbers(cohort: Cohort) -> NDArray[np.intp]:
    """Return each mark's number of the next draw."""
    return np.array([member.draws for member in cohort.members]).take(cohort.places)
