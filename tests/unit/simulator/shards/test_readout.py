"""Readouts of many clbits are packed: the same counts and memory as keys, in half the bytes."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from support.programs import h, program, ry, x

from jobs.primitives.bits import memories
from simulator.circuit.array import Array
from simulator.circuit.instructions import Measure
from simulator.cost import part_weight, weight
from simulator.errors import InvalidProgramError, WireError
from simulator.execution import run_shard
from simulator.monitor import no_checkpoint
from simulator.options import Method, Options
from simulator.shards import wire
from simulator.shards.part import Part, merge
from simulator.shards.readout import PackedReadout, joined
from simulator.shards.result import Failure, Outcome, PackedMemories
from simulator.shards.shard import Experiment, Shard

WIDTHS = (1, 8, 63, 64, 65, 127, 128, 129, 1000)


def shots_of(num_clbits: int, shots: int = 3000, seed: int = 1) -> NDArray[np.uint8]:
    """Memories of which some come more than once, some have no high bits, and one is 0."""
    rng = np.random.default_rng(seed)
    rows = np.packbits(rng.integers(0, 2, (40, num_clbits), np.uint8), axis=1, bitorder="little")
    rows[:8, -1] = 0
    rows[0] = 0
    return rows[rng.integers(0, len(rows), shots)]


def keys_of(rows: NDArray[np.uint8]) -> list[str]:
    return [hex(int.from_bytes(row.tobytes(), "little")) for row in rows]


def counts_of(keys: list[str]) -> list[tuple[str, int]]:
    return sorted(Counter(keys).items(), key=lambda pair: int(pair[0], 16))


@pytest.mark.parametrize("num_clbits", WIDTHS)
def test_keys_are_those_of_numbers(num_clbits: int) -> None:
    """Counts ascend as numbers, and each shot has its key: from rows in one part or several, and from keys."""
    rows = shots_of(num_clbits)
    keys = keys_of(rows)
    expected = counts_of(keys)
    whole = PackedReadout.of_rows([rows], no_checkpoint, remembered=True)
    parts = PackedReadout.of_rows(np.split(rows, [1, 700, 2999]), no_checkpoint, remembered=True)
    of_keys = PackedReadout.of_keys(dict(expected), keys, no_checkpoint)
    for each in (whole, parts, of_keys):
        assert list(each.key_counts().items()) == expected
        assert each.keys_of_shots() == keys
        assert np.array_equal(each.rows_of_shots(rows.shape[1]), rows)
    forgotten = PackedReadout.of_rows([rows], no_checkpoint, remembered=False)
    assert forgotten.keys_of_shots() is forgotten.rows_of_shots(1) is None


@pytest.mark.parametrize("num_clbits", WIDTHS)
def test_readouts_add_up(num_clbits: int) -> None:
    """Of rows of other lengths, too: those of a part that has no high bits are shorter."""
    rows = shots_of(num_clbits)
    keys = keys_of(rows)
    low = [key for key in keys[1000:] if len(key) < max(map(len, keys))] or ["0x0"]
    one = PackedReadout.of_rows([rows[:1000]], no_checkpoint, remembered=True)
    other = PackedReadout.of_keys(dict(counts_of(low)), low, no_checkpoint)
    both = joined([one, other])
    assert list(both.key_counts().items()) == counts_of(keys[:1000] + low)
    assert both.keys_of_shots() == keys[:1000] + low


def outcome_of(rows: NDArray[np.uint8], first: int = 0, num_clbits: int = 1000) -> Outcome:
    packed = PackedReadout.of_rows([rows], no_checkpoint, remembered=True)
    return Outcome(0, 1, len(rows), program(1, num_clbits), first=first, packed=PackedMemories.of(packed))


def test_parts_add_up_whoever_wrote_them() -> None:
    """Shots in several parts, one of which has keys; a failure stands for all."""
    rows = shots_of(1000)
    keys = keys_of(rows)
    old = Outcome(
        0, 1, 1000, program(1, 1000), first=1000, counts=dict(counts_of(keys[1000:2000])), memory=keys[1000:2000]
    )
    parts = [
        Part((outcome_of(rows[2000:], 2000),)),
        wire.decode_part(wire.encode(Part((old,)))),
        Part((outcome_of(rows[:1000]),)),
    ]
    (whole,) = merge(parts).outcomes
    assert isinstance(whole, Outcome) and whole.packed is not None
    counts, memory = whole.keyed
    assert counts is not None and list(counts.items()) == counts_of(keys)
    assert memory == keys
    assert whole.shots == 3000
    failed = msgspec.structs.replace(outcome_of(rows[:5], 3000), failure=Failure("MemoryError", "none"))
    (whole,) = merge([*parts, Part((failed,))]).outcomes
    assert isinstance(whole, Outcome)
    assert (whole.packed, whole.counts, whole.memory) == (None, None, None)
    assert whole.failure == Failure("MemoryError", "none")


@pytest.mark.rule(36)
def test_it_travels_in_half_the_bytes() -> None:
    """A thousand clbits, nearly all memories once: the wire has a row of 125 bytes each, and 4 a shot at most."""
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 256, (20_000, 125), np.uint8)
    part = Part((outcome_of(rows),))
    data = wire.encode_part(part, no_checkpoint)
    assert bytes(data) == bytes(wire.encode(part))
    assert wire.decode_part(data) == part
    assert len(data) < 20_000 * (125 + 1 + 2) + 1000
    keys = keys_of(rows)
    as_keys = Part((Outcome(0, 1, 20_000, program(1, 1000), counts=dict(counts_of(keys)), memory=keys),))
    assert len(wire.encode(as_keys)) > 3.9 * len(data)
    assert part_weight(part) == weight(1000, outcomes=20_000, remembered=20_000) >= len(data) - 1000


def numbers(*values: int) -> Array:
    return Array.counting(np.array(values, np.int64))


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    ("memories", "counts", "of_shots"),
    [
        (numbers(1), numbers(1), None),
        (Array("u1", (2, 1), b"ab"), numbers(1), None),
        (Array("f8", (1, 1), b"12345678"), numbers(1), None),
        (Array("u1", (1, 1), b"a"), Array("f8", (1,), b"12345678"), None),
        (Array("u1", (1, 1), b"a"), numbers(1), numbers(0, 1)),
        (Array("u1", (1, 1), b"a"), numbers(1), Array("u1", (1, 1), b"\0")),
    ],
)
def test_what_does_not_fit_is_refused(memories: Array, counts: Array, of_shots: Array | None) -> None:
    """When it is built, and when it is read: counts of other memories, and indices that no memory has."""
    with pytest.raises(InvalidProgramError):
        PackedMemories(memories, counts, of_shots)
    told = msgspec.to_builtins(Outcome(0, 1, 1, program(1, 64)), builtin_types=(bytes,))
    arrays = [
        None if each is None else [each.dtype, each.shape, each.data] for each in (memories, counts, of_shots)
    ]
    body = msgspec.msgpack.encode([[told | {"packed": arrays}]])
    with pytest.raises(WireError, match="memor"):
        wire.decode_part(b"BAC" + bytes([wire.WIRE_VERSION]) + body)


@pytest.mark.parametrize("method", ["stabilizer", "matrix_product_state", "statevector"])
@pytest.mark.parametrize("width", [63, 64, 65, 129])
def test_every_method_packs_more_than_63_clbits(method: Method, width: int) -> None:
    """Counts, memory and what a sampler reads are the same as keys say, below and above."""
    gates = (h(0), x(1, 0), x(2)) if method == "stabilizer" else (ry(1.0, 0), x(1, 0), x(2))
    circuit = program(3, width, *gates, Measure(0, width - 1), Measure(1, 5), Measure(2, 2))
    options = Options("counts", 200, memory=True, method=method)
    (outcome,) = run_shard(Shard(options, (Experiment(0, 1, circuit),))).outcomes
    assert isinstance(outcome, Outcome) and outcome.failure is None
    assert (outcome.packed is None) == (width == 63)
    counts, memory = outcome.keyed
    assert counts is not None and memory is not None
    assert list(counts) == [hex(4), hex(4 | 1 << 5 | 1 << (width - 1))]
    assert dict(Counter(memory)) == counts
    ((index, found),) = memories([outcome])
    assert index == 0
    assert keys_of(found.shots) == memory
    again = msgspec.structs.replace(options, memory=False)
    (forgetful,) = run_shard(Shard(again, (Experiment(0, 1, circuit),))).outcomes
    assert isinstance(forgetful, Outcome) and list(memories([forgetful])) == []
