"""Channels of Paulis, and readout errors, as rare events at places: the work is that of what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.channel import Channel, Kraus, Pauli
from simulator.matrices.channels import operators_of_step
from simulator.rng import unit
from simulator.stabilizer.cliffords.one_qubit import IMAGES, NEGATIVE
from simulator.stabilizer.draws import Draws, Events
from simulator.stabilizer.layering.layers import NoisePlaces, ReadoutPlaces
from simulator.stabilizer.layering.rows import Words
from simulator.typing import Indices

#: Streams of readout errors come behind those of channels.
_READOUTS = 1 << 32
#: A total probability below this is taken as 0: no run has shots enough to show it.
_NEVER = 1e-30
#: What is no more than this of a channel is rounding.
_ROUNDING = 1e-12
#: Channels, and Kraus steps, of which the strings are known; and the qubits of these channels.
_KEPT, _KEPT_QUBITS = 1024, 2
_ONE = np.uint64(1)
_HALF = np.uint64(32)
_LOW = np.uint64((1 << 32) - 1)
#: ``PUT_OFF[gate][pauli]`` is the Pauli before a gate that the Pauli behind it is, but for its sign.
PUT_OFF = np.array(IMAGES) & ~NEGATIVE


@dataclass(frozen=True, slots=True, eq=False)
class PauliChannel:
    """A channel of Paulis, without what it leaves as it is."""

    #: That anything happens.
    probability: float
    #: The Pauli on each qubit of each alternative, shape (alternatives, k), and the alternatives' probabilities.
    paulis: Indices
    weights: NDArray[np.float64]
    #: By Walker's alias method: a column is taken, and in it, below its threshold, itself, else its alias.
    thresholds: Words
    aliases: Indices

    def chosen(self, numbers: Words) -> Indices:
        """Return which alternative each random number of 64 bits chooses."""
        columns = ((numbers >> _HALF) * np.uint64(len(self.aliases)) >> _HALF).astype(np.intp)
        return np.where(numbers & _LOW < self.thresholds[columns], columns, self.aliases[columns])


class Hits(NamedTuple):
    """Bits of frames that a channel flips, ascending by place."""

    #: Indices into all words of the frames, and a bit of each.
    words: Indices
    bits: Words
    #: The place of each.
    places: NDArray[np.int64]

    def strike(self, frames: Words, start: int, end: int) -> None:
        """Flip what is hit at some places."""
        first, last = self.places.searchsorted((start, end)).tolist()
        if first < last:
            np.bitwise_xor.at(frames.reshape(-1), self.words[first:last], self.bits[first:last])


def pauli_channel(channel: Channel) -> PauliChannel | None:
    """Return a channel as one of Paulis, as Kraus operators may be too; None: it is none."""
    return (_of_narrow if channel.num_qubits <= _KEPT_QUBITS else _of_any)(channel)


def _of_any(channel: Channel) -> PauliChannel | None:
    weights: dict[tuple[int, int], float] = {}
    for probability, steps in zip(channel.probabilities, channel.alternatives, strict=True):
        if not probability:
            continue
        ways = {(0, 0): probability}
        for step in steps:
            strings = {(step.x, step.z): 1.0} if isinstance(step, Pauli) else _strings_of(step)
            if strings is None:
                return None
            longer: dict[tuple[int, int], float] = {}
            for ((x, z), before), ((more_x, more_z), weight) in product(ways.items(), strings.items()):
                string = x ^ more_x, z ^ more_z
                longer[string] = longer.get(string, 0.0) + before * weight
            ways = longer
        for string, weight in ways.items():
            weights[string] = weights.get(string, 0.0) + weight
    weights.pop((0, 0), None)
    weights = {string: weight for string, weight in weights.items() if weight > 0}
    places = range(channel.num_qubits)
    paulis = [[x >> place & 1 | (z >> place & 1) << 1 for place in places] for x, z in weights]
    total = sum(weights.values())
    if total < _NEVER:
        return PauliChannel(0.0, np.zeros((1, channel.num_qubits), np.intp), np.zeros(1), *_alias_table([1.0]))
    thresholds, aliases = _alias_table([weight / total for weight in weights.values()])
    of_alternatives = np.array(list(weights.values()))
    shape = (len(paulis), channel.num_qubits)
    return PauliChannel(
        min(total, 1.0), np.array(paulis, np.intp).reshape(shape), of_alternatives, thresholds, aliases
    )


_of_narrow = lru_cache(_KEPT)(_of_any)


@lru_cache(_KEPT)
def _strings_of(step: Kraus) -> dict[tuple[int, int], float] | None:
    """Return the Pauli strings that Kraus operators come to, with their probabilities; None: they are others.

    Operators K are a channel of Paulis where sum_K c_K(P) c_K(Q)^* = 0 for all strings P != Q, K = sum_P c_K(P) P:
    whatever the operators, this matrix is the channel's.
    """
    width = len(step.places)
    strings, matrices = _strings_on(width)
    operators = step.operators.ndarray().astype(np.complex128).reshape(-1, 1 << 2 * width)
    coefficients = operators @ matrices.conj().T / (1 << width)
    found = coefficients.T @ coefficients.conj()
    probabilities = found.diagonal().real
    if np.abs(found - np.diag(probabilities)).max() > _ROUNDING:
        return None
    total = float(probabilities.sum())
    return {
        (_spread(x, step.places), _spread(z, step.places)): float(probability) / total
        for (x, z), probability in zip(strings, probabilities, strict=True)
        if probability > _ROUNDING
    }


def _spread(mask: int, places: Sequence[int]) -> int:
    return sum((mask >> index & 1) << place for index, place in enumerate(places))


@lru_cache
def _strings_on(width: int) -> tuple[list[tuple[int, int]], NDArray[np.complex128]]:
    """Return all Pauli strings over so many qubits, as masks, and their matrices as rows, up to phases."""
    masks = range(1 << width)
    strings = [*product(masks, masks)]
    matrices = [operators_of_step(Pauli(x, z), width).reshape(-1) for x, z in strings]
    return strings, np.array(matrices, np.complex128)


def hits(channel: PauliChannel, places: NoisePlaces, events: Events, num_qubits: int, words_per_row: int) -> Hits:
    """Return which bits of frames the events of a channel flip."""
    paulis = channel.paulis[channel.chosen(events.numbers)]
    paulis = PUT_OFF[places.pending[events.places], paulis]
    words = places.qubits[events.places] * words_per_row + (events.shots >> 6)[:, None]
    bits = _ONE << (events.shots & 63).astype(np.uint64)
    # Of each qubit of each event its X and its Z, of which those that are there are kept.
    has = np.stack([paulis & 1, paulis >> 1], axis=-1).reshape(len(paulis), 2 * paulis.shape[1]) != 0
    both = np.stack([words, words + num_qubits * words_per_row], axis=-1).reshape(has.shape)
    event, _ = np.nonzero(has)
    return Hits(both[has], bits[event], events.places[event])


def channel_events(channel: PauliChannel, places: NoisePlaces, draws: Draws, blocks: Sequence[int]) -> Events:
    """Draw what a channel does at its places."""
    return draws.events(channel.probability, len(places.qubits), blocks, stream=places.channel)


@dataclass(frozen=True, slots=True, eq=False)
class ReadoutError:
    """A readout error: a value that is not read as it is, is one of the others."""

    number: int
    #: That anything may happen, whatever the true value is.
    probability: float
    #: For each true value, cumulated over those that are read, if something may happen.
    cumulated: NDArray[np.float64]

    @classmethod
    def of(cls, number: int, table: NDArray[np.float64]) -> ReadoutError:
        """Return the error of ``table[true][read]``."""
        values = np.arange(len(table))
        others = table.copy()
        others[values, values] = 0
        most = float(others.sum(axis=1).max())
        if most > 0:
            others /= most
        others[values, values] = np.maximum(0, 1 - others.sum(axis=1))
        return cls(number, min(most, 1.0), np.cumsum(others, axis=1))

    def events(self, num_places: int, draws: Draws, blocks: Sequence[int]) -> Events:
        """Draw where something may happen."""
        return draws.events(self.probability, num_places, blocks, stream=_READOUTS + self.number)

    def apply(self, memory: Words, places: ReadoutPlaces, events: Events) -> None:
        """Change what was measured at some places."""
        first, last = events.places.searchsorted((places.first, places.first + len(places.clbits))).tolist()
        if first == last:
            return
        clbits = places.clbits[events.places[first:last] - places.first]
        shots = events.shots[first:last, None]
        words, offsets = clbits * memory.shape[1] + (shots >> 6), (shots & 63).astype(np.uint64)
        weights = np.arange(clbits.shape[1])
        true = ((memory.reshape(-1)[words] >> offsets & _ONE).astype(np.intp) << weights).sum(axis=1)
        uniforms = unit(events.numbers[first:last])
        read = (uniforms[:, None] >= self.cumulated[true]).sum(axis=1)
        flips = (np.minimum(read, len(self.cumulated) - 1) ^ true)[:, None] >> weights & 1
        np.bitwise_xor.at(memory.reshape(-1), words, flips.astype(np.uint64) << offsets)


def _alias_table(shares: list[float]) -> tuple[Words, Indices]:
    """Return thresholds of 32 bits, and aliases: Vose, IEEE Trans. Softw. Eng. 17, 972 (1991)."""
    count = len(shares)
    scaled = [share * count for share in shares]
    thresholds, aliases = [1 << 32] * count, list(range(count))
    small = [index for index, share in enumerate(scaled) if share < 1]
    large = [index for index, share in enumerate(scaled) if share >= 1]
    while small and large:
        less, more = small.pop(), large[-1]
        thresholds[less], aliases[less] = round(scaled[less] * (1 << 32)), more
        scaled[more] -= 1 - scaled[less]
        if scaled[more] < 1:
            small.append(large.pop())
    return np.array(thresholds, np.uint64), np.array(aliases, np.intp)
