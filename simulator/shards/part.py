"""What a task gives back. Parts of a job add up to its whole result.

Pure values: whatever the number of shards, workers, or tries, adding the parts in any order gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import pairwise
from operator import add

import msgspec

from simulator.monitor import no_checkpoint
from simulator.shards.readout import PackedReadout
from simulator.shards.readout import joined as joined_readouts
from simulator.shards.result import Failure, Item, Outcome, PackedMemories


class Part(msgspec.Struct, frozen=True, array_like=True):
    """The outcomes of one or more shards, ordered by index and first shot. ``a + b`` joins parts of one job."""

    outcomes: tuple[Item, ...] = ()

    def __post_init__(self) -> None:
        for before, after in pairwise(self.outcomes):
            if _start(after) < _end(before):
                raise ValueError(
                    f"a part's outcomes are not in order, or one is there twice: {_start(before)}, {_start(after)}"
                )

    def __add__(self, other: Part) -> Part:
        return merge((self, other))

    @property
    def bad(self) -> bool:
        """Whether any experiment failed."""
        return any(self.failures())

    def failures(self) -> Iterator[Failure]:
        """Yield what failed, in order."""
        for outcome in self.outcomes:
            if isinstance(outcome, Outcome) and outcome.failure:
                yield outcome.failure

    @property
    def num_experiments(self) -> int:
        """How many experiments it has outcomes of."""
        return sum(len(outcome.indices()) for outcome in self.outcomes)


def merge(parts: Iterable[Part]) -> Part:
    """Add up parts, and join shots of an experiment that follow each other; ValueError if any is there twice."""
    outcomes = sorted((outcome for part in parts for outcome in part.outcomes), key=_start)
    found: list[Item] = []
    run: list[Outcome] = []
    for outcome in outcomes:
        if run and not (isinstance(outcome, Outcome) and _start(outcome) == _end(run[-1]) and run[-1].shots):
            found.append(joined(run))
            run = []
        if isinstance(outcome, Outcome):
            run.append(outcome)
        else:
            found.append(outcome)
    if run:
        found.append(joined(run))
    return Part(tuple(found))


def _start(outcome: Item) -> tuple[int, int]:
    return outcome.index, outcome.first if isinstance(outcome, Outcome) else 0


def _end(outcome: Item) -> tuple[int, int]:
    """Return where the next outcome may start: an experiment of no shots, too, is one."""
    if isinstance(outcome, Outcome):
        return outcome.index, max(outcome.end, outcome.first + 1)
    return outcome.indices()[-1], 1


def joined(run: Sequence[Outcome]) -> Outcome:
    """Return one outcome of some shots of one experiment, in order; the first failure stands for all."""
    first = run[0]
    if len(run) == 1:
        return first
    # What failed does not say how it was run.
    known = [each.run for each in run if each.run is not None]
    failure = next((each.failure for each in run if each.failure), None)
    if not failure and any(each.packed for each in run):
        counts, memory, packed = None, None, _packed(run)
    else:
        counts = None if failure else _added([each.counts for each in run if each.counts is not None])
        memory = None if failure or first.memory is None else [key for each in run for key in each.memory or ()]
        packed = None
    return msgspec.structs.replace(
        first,
        shots=sum(each.shots for each in run),
        time_taken=sum(each.time_taken for each in run),
        counts=counts,
        memory=memory,
        packed=packed,
        failure=failure,
        run=reduce(add, known) if known else None,
    )


def _packed(run: Sequence[Outcome]) -> PackedMemories:
    """Join readouts of many clbits, some of which another version may have written, with keys."""
    readouts = [
        each.packed.readout
        if each.packed
        else PackedReadout.of_keys(each.counts or {}, each.memory, no_checkpoint)
        for each in run
        if each.packed or each.counts
    ]
    return PackedMemories.of(joined_readouts(readouts))


def _added(several: list[dict[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in several:
        for key, count in each.items():
            counts[key] = counts.get(key, 0) + count
    return dict(sorted(counts.items(), key=lambda pair: int(pair[0], 16)))
