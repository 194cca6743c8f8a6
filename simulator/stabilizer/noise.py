"""Channels of Paulis, and readout errors, as rare events at places: the work is that of what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.channel import Channel, Pauli
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
    """Return a channel as one of Paulis; None: it is none."""
    weights: dict[tuple[int, int], float] = {}
    for probability, steps in zip(channel.probabilities, channel.alternatives, strict=True):
        x = z = 0
        for step in steps:
            if not isinstance(step, Pauli):
                if probability:
                    return None
                continue
            x, z = x ^ step.x, z ^ step.z
        weights[x, z] = weights.get((x, z), 0.0) + probability
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
