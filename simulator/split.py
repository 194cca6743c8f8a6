"""Cut a job into shards by what they will cost: how it is cut changes when results come, and never what they are.

Circuits are packed until a shard carries enough work for its delivery not to matter, sweeps are cut between rows,
and dynamic circuits between blocks of shots where their cost grows with the shots. The more work a job has, the
longer its shards, up to a bound: there are always many more than workers, so a slow worker holds nobody up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from simulator.choice import engine_for
from simulator.monitor import no_checkpoint
from simulator.options import Options
from simulator.shards.shard import Experiment, Shard, Sweep, with_numbers
from simulator.stabilizer import STABILIZER

#: Seconds of work of a shard, at least and at most, where the items allow it.
LEAST_SECONDS, MOST_SECONDS = 0.05, 2.0
#: Between the two, a shard is this part of all the work before it.
_PART = 1 / 64
#: An angle of which no gate is Clifford.
_NO_CLIFFORD = 1.0
#: More units than any item has.
_ENDLESS = 2.0**60


def split(options: Options, items: Iterable[Experiment | Sweep], most: int | None = None) -> Iterator[Shard]:
    """Yield the shards of a job, at least one; ``most`` is how many there may be.

    With ``most`` all items are held at once; without it, those of one shard.
    """
    total = 0.0
    sized: Iterable[tuple[Experiment | Sweep, _Units]] = ((item, _units(item, options)) for item in items)
    if most is not None:
        sized = list(sized)
        total = sum(units.number * units.seconds for _, units in sized)
    pending: list[Experiment | Sweep] = []
    filled = done = 0.0
    count = 0
    for item, (units, seconds, together) in sized:
        start = 0
        while start < units:
            if most is None:
                target = min(max(LEAST_SECONDS, _PART * done), MOST_SECONDS)
            else:
                # Each shard that there may still be carries its share of what is left; the last carries all.
                target = max(LEAST_SECONDS, (total - done) / (most - count)) if count < most - 1 else math.inf
            stop = min(units, start + max(1, _ceil((target - filled) / seconds)))
            pending.append(_piece(item, range(start, stop), units, together, options))
            filled += (stop - start) * seconds
            start = stop
            if filled >= target:
                yield Shard(options, tuple(pending))
                done, filled, count, pending = done + filled, 0.0, count + 1, []
    if pending or not count:
        yield Shard(options, tuple(pending))


def expected_seconds(shard: Shard) -> float:
    """Return the seconds that a shard will take on one core, by the estimates of the methods."""
    return sum(math.prod(_units(item, shard.options)[:2]) for item in shard.items)


class _Units(NamedTuple):
    """In how many units an item can be cut, the seconds that one takes, and its shots, if it is of shots."""

    number: int
    seconds: float
    shots: int


def _units(item: Experiment | Sweep, options: Options) -> _Units:
    if isinstance(item, Sweep):
        return _Units(item.num_rows, _row_seconds(item, options), 0)
    shots = options.shots if item.shots is None else item.shots
    engine = engine_for(item.program, options)
    needed = engine.shots_needed(item.program, options, shots)
    seconds, grows, together = engine.work(item.program, options, needed, item.observables, no_checkpoint)
    together = together or engine.shot_block
    blocks = -(-shots // together) if grows else 1
    return _Units(blocks, seconds / blocks, together)


def _row_seconds(sweep: Sweep, options: Options) -> float:
    """Return the seconds that a row takes."""
    engine = engine_for(sweep.template, options)
    if options.method == "automatic" and engine is STABILIZER:
        # The template may be Clifford by its numbers, which mean nothing, where no row is.
        numbers = [_NO_CLIFFORD] * len(sweep.param_indices)
        engine = engine_for(with_numbers(sweep.template, sweep.param_indices, numbers), options)
    if engine.row_seconds is not None:
        return engine.row_seconds(sweep, options)
    shots = engine.shots_needed(sweep.template, options, options.shots)
    return engine.work(sweep.template, options, shots, sweep.observables, no_checkpoint).seconds


def _piece(
    item: Experiment | Sweep, span: range, units: int, together: int, options: Options
) -> Experiment | Sweep:
    """Return some units of an item."""
    if len(span) == units:
        return item
    if isinstance(item, Sweep):
        return item.rows(span.start, span.stop)
    shots = options.shots if item.shots is None else item.shots
    first, end = span.start * together, min(span.stop * together, shots)
    return msgspec.structs.replace(item, first=first, shots=end - first)


def _ceil(number: float) -> int:
    return math.ceil(min(number, _ENDLESS))
