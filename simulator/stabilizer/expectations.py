"""Expectation values of sums of Pauli strings.

A string has the value 1, -1 or 0 in a stabilizer state: 0 where an X is left of it on the tableau's input. Seen
from the end, a string is another one at each place on the way; a channel of Paulis there multiplies its value by
1 - 2p, where p is the probability of a Pauli that anticommutes with it. So the mean over all noise is exact. Where
something is measured or reset on the way, values are means over shots, whose frames give the string its sign.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.pauli_sum import PauliSum, numbers
from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint, Monitor
from simulator.observables import Spread
from simulator.piecewise import slices, with_checkpoints
from simulator.stabilizer.cliffords.one_qubit import IMAGES, NEGATIVE
from simulator.stabilizer.frames import run_pairs
from simulator.stabilizer.layering.compiler import Compiled
from simulator.stabilizer.layering.layers import NoisePlaces, Segment
from simulator.stabilizer.layering.rows import PauliRows, Words
from simulator.stabilizer.noise import PUT_OFF, PauliChannel
from simulator.stabilizer.run import states_at_end
from simulator.stabilizer.tableau import Tableau, signs_of_products
from simulator.typing import Indices

#: Strings that are looked at together, and words of the tableau that all their Paulis may have.
_TOGETHER, _MOST_WORDS = 512, 1 << 17
#: Words of shots that are looked at together, and values of sums that these have.
_SHOT_WORDS, _MOST_VALUES = 32, 1 << 19
#: Places of a channel that are looked at together.
_PLACES = 512
_IMAGES = np.array(IMAGES)
_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True, eq=False)
class _Strings:
    """Some strings at a segment's end, each of one Pauli or more, before the gates that are put off there."""

    #: Their numbers among all.
    numbers: Indices
    #: All their Paulis, one string behind the other, and where each string begins.
    rows: PauliRows
    starts: Indices
    #: Whether each is multiplied by -1.
    negative: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Terms:
    """The strings of a sum, by their numbers, and their coefficients."""

    strings: Indices
    coefficients: NDArray[np.float64]

    def within(self, numbers: Indices) -> _Terms:
        """Return those that are among some strings, of ascending numbers, by their places there."""
        places = np.searchsorted(numbers, self.strings)
        has = numbers.take(places, mode="clip") == self.strings
        return _Terms(places[has], self.coefficients[has])

    def but(self, some: NDArray[np.bool_]) -> _Terms:
        """Return all but some strings."""
        kept = ~some[self.strings]
        return _Terms(self.strings[kept], self.coefficients[kept])


def expectation_values(
    compiled: Compiled,
    sums: Sequence[PauliSum],
    *,
    exact: bool,
    seed: int,
    first: int,
    shots: int,
    monitor: Monitor,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return each sum's expectation value at the end of a program, and its standard error, shape (sums,).

    ``exact``: nothing but channels is random in the program, and None are the errors. Else values are means over
    shots from the first on, and InvalidProgramError says where there are none.
    """
    order: dict[tuple[int, int], int] = {}
    pairs = [zip(numbers(each.x), numbers(each.z), strict=True) for each in sums]
    indices = [
        [order.setdefault(string, len(order)) for string in with_checkpoints(some, monitor.checkpoint)]
        for some in pairs
    ]
    strings = list(order)
    terms = [
        _Terms(np.array(some, np.intp), np.array(each.coefficients, np.float64))
        for some, each in zip(indices, sums, strict=True)
    ]
    errors = None
    if exact:
        values = _exact(compiled, strings, monitor.checkpoint)
    elif shots:
        values, errors = _means(compiled, strings, terms, seed, first, shots, monitor)
    else:
        raise InvalidProgramError(
            "expectation values of a circuit that measures or resets on its way need a shot at least"
        )
    found = [math.fsum((values[each.strings] * each.coefficients).tolist()) for each in terms]
    return np.array(found, np.float64), errors


def _exact(compiled: Compiled, strings: Sequence[tuple[int, int]], checkpoint: Checkpoint) -> NDArray[np.float64]:
    segment = compiled.segment
    tableau = Tableau(segment.num_qubits)
    for layer in segment.layers:
        checkpoint()
        tableau.run_pairs(layer)
    values = np.ones(len(strings))
    for some in _parts(segment, strings, checkpoint):
        values[some.numbers] = _in_state(tableau, some)
        if segment.noise:
            values[some.numbers] *= _scales(compiled, some, checkpoint)
    return values


def _means(
    compiled: Compiled,
    strings: Sequence[tuple[int, int]],
    sums: Sequence[_Terms],
    seed: int,
    first: int,
    shots: int,
    monitor: Monitor,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean over shots of each string's value, and the standard error of that of each sum."""
    checkpoint = monitor.checkpoint
    identity = np.array([not (x | z) for x, z in strings], np.bool_)
    parts = list(_parts(compiled.segment, strings, checkpoint))
    # The identity is the same in each shot. Of one string beside it, the string's own error is the sum's.
    random = [each.but(identity) for each in sums]
    several = [index for index, each in enumerate(random) if each.strings.size > 1]
    of_parts = [[sums[index].within(some.numbers) for index in several] for some in parts]
    before, in_state, spread = None, list[NDArray[np.float64]](), Spread()
    at_once = max(1, min(_SHOT_WORDS, _MOST_VALUES // (64 * max(1, len(several)))))
    totals, squares = np.where(identity, shots, np.zeros((2, len(strings))))
    for tableau, frames, wanted in states_at_end(compiled, seed=seed, first=first, shots=shots, monitor=monitor):
        if tableau is not before:
            before, in_state = tableau, [_in_state(tableau, some) for some in parts]
        for start in range(0, wanted.size, at_once):
            words = slice(start, start + at_once)
            count = int(np.bitwise_count(wanted[words]).sum(dtype=np.int64))
            of_sums = np.zeros((len(several), wanted[words].size * 64))
            for some, values, terms in zip(parts, in_state, of_parts, strict=True):
                checkpoint()
                odd = np.bitwise_xor.reduceat(some.rows.anticommuting(frames[:, words]), some.starts, axis=0)
                odd &= wanted[words]
                # What is random in the tableau's state is so in each shot's: a frame changes signs only.
                totals[some.numbers] += values * (count - 2.0 * np.bitwise_count(odd).sum(axis=1, dtype=np.int64))
                squares[some.numbers] += values**2 * count
                negative = _bits_of(odd).astype(np.float32) if several else odd
                for index, each in enumerate(terms):
                    checkpoint()
                    weights = each.coefficients * values[each.strings]
                    of_sums[index] += weights.sum() - 2 * weights @ negative.take(each.strings, axis=0)
            spread.add(of_sums.T, _bits_of(wanted[None, words])[0].astype(np.float64))
    means = totals / shots
    of_strings = np.sqrt(np.maximum(squares / shots - means**2, 0) / shots)
    errors = np.array([np.abs(each.coefficients) @ of_strings[each.strings] for each in random])
    errors[several] = spread.standard_errors
    return means, errors


def _bits_of(words: Words) -> NDArray[np.uint8]:
    """Return the bits of rows of words, in the order of shots."""
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")


def _parts(segment: Segment, strings: Sequence[tuple[int, int]], checkpoint: Checkpoint) -> Iterator[_Strings]:
    """Yield all strings but the identity, some at a time."""
    words, numbers_of_part, weight = -(-segment.num_qubits // 64), list[int](), 0
    for number, (x, z) in enumerate(strings):
        own = (x | z).bit_count()
        if not own:
            continue
        full = len(numbers_of_part) == _TOGETHER or (weight + own) * words > _MOST_WORDS
        if full and numbers_of_part:
            checkpoint()
            yield _located(segment, strings, numbers_of_part)
            numbers_of_part, weight = [], 0
        numbers_of_part.append(number)
        weight += own
    if numbers_of_part:
        yield _located(segment, strings, numbers_of_part)


def _located(segment: Segment, strings: Sequence[tuple[int, int]], chosen: list[int]) -> _Strings:
    x, z = (_bits([strings[number][part] for number in chosen], segment.num_qubits) for part in range(2))
    of_string, qubits = np.nonzero(x | z)
    places = segment.places[qubits]
    images = _IMAGES[segment.pending[places], x[of_string, qubits] | z[of_string, qubits] << 1]
    starts = np.flatnonzero(np.diff(of_string, prepend=-1))
    negative = np.bitwise_xor.reduceat(images & NEGATIVE != 0, starts)
    rows = PauliRows.of(places, images & ~NEGATIVE, segment.num_qubits)
    return _Strings(np.array(chosen, np.intp), rows, starts, negative)


def _bits(masks: Sequence[int], num_qubits: int) -> NDArray[np.uint8]:
    """Return the bits of masks, shape (masks, qubits)."""
    size = -(-num_qubits // 8)
    packed = np.frombuffer(b"".join(mask.to_bytes(size, "little") for mask in masks), np.uint8)
    return np.unpackbits(packed.reshape(len(masks), size), axis=1, count=num_qubits, bitorder="little")


def _in_state(tableau: Tableau, some: _Strings) -> NDArray[np.float64]:
    """Return each string's value in the tableau's state."""
    strings = tableau.strings(some.rows)
    certain = ~np.bitwise_xor.reduceat(strings.x, some.starts, axis=0).any(axis=1)
    negative = signs_of_products(strings, some.starts) != some.negative
    return np.where(certain, np.where(negative, -1.0, 1.0), 0.0)


def _scales(compiled: Compiled, some: _Strings, checkpoint: Checkpoint) -> NDArray[np.float64]:
    """Return by what the channels of a program multiply each string's value."""
    segment, rows, count = compiled.segment, some.rows, some.numbers.size
    words = -(-count // 64)
    #: As frames are, with strings in place of shots.
    found = np.zeros((2 * segment.num_qubits, words), np.uint64)
    of_string = np.repeat(np.arange(count), np.diff(some.starts, append=rows.own.size))
    bits = _ONE << (of_string % 64).astype(np.uint64)
    np.bitwise_xor.at(found, (rows.own, of_string // 64), bits)
    np.bitwise_xor.at(found, (rows.ys_z, of_string[rows.ys] // 64), bits[rows.ys])
    scales = np.ones(words * 64)
    for layer in reversed(segment.layers):
        for number, (start, end) in layer.noise.items():
            for part in slices(end - start, checkpoint, _PLACES):
                at = slice(start + part.start, start + part.stop)
                scales *= _at_places(compiled.tables.channels[number], segment.noise[number], at, found)
        checkpoint()
        # A controlled Pauli is its own inverse.
        run_pairs(layer, found)
    return scales[:count]


def _at_places(channel: PauliChannel, places: NoisePlaces, at: slice, found: Words) -> NDArray[np.float64]:
    """Return by what a channel at some places multiplies each string's value."""
    qubits, pending, num_qubits = places.qubits[at], places.pending[at], len(found) // 2
    factors = np.ones((len(qubits), found.shape[1] * 64))
    for paulis, weight in zip(channel.paulis, channel.weights, strict=True):
        own = PUT_OFF[pending, paulis]
        odd = np.zeros((len(qubits), found.shape[1]), np.uint64)
        for column in range(qubits.shape[1]):
            has_x, has_z = (own[:, column, None] & bit != 0 for bit in (1, 2))
            odd ^= np.where(has_x, found.take(num_qubits + qubits[:, column], axis=0), np.uint64(0))
            odd ^= np.where(has_z, found.take(qubits[:, column], axis=0), np.uint64(0))
        factors -= 2 * weight * np.unpackbits(odd.view(np.uint8), axis=1, bitorder="little")
    product: NDArray[np.float64] = factors.prod(axis=0)
    return product
