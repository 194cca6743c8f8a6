"""Pauli frames: by which Pauli on each qubit each shot differs from the reference, 64 shots in a word.

A gate changes frames without their signs, a measurement's outcome is the reference's, flipped where the frame
anticommutes with it, and noise and feedback multiply frames. What a measurement leaves undetermined is drawn: each
frame is multiplied, in half of the shots, by what was measured. Rall, Liang, Cook and Kretschmer, Phys. Rev. A 99,
062337 (2019); Gidney, Quantum 5, 497 (2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.monitor import Checkpoint
from simulator.stabilizer.draws import BLOCK_WORDS, Draws, Events
from simulator.stabilizer.layering.layers import Assign, Layer, ReadoutPlaces, Segment, Test
from simulator.stabilizer.layering.rows import Words
from simulator.stabilizer.memory import Memory
from simulator.stabilizer.noise import Hits, PauliChannel, ReadoutError, channel_events, hits
from simulator.stabilizer.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class NoiseTables:
    """The channels and readout errors of a program, by their numbers."""

    channels: dict[int, PauliChannel]
    readouts: list[ReadoutError]

    def events(self, segment: Segment) -> float:
        """Return how many events a shot of a segment is expected to have."""
        of_channels = [
            self.channels[number].probability * len(places.qubits) for number, places in segment.noise.items()
        ]
        of_readouts = [self.readouts[number].probability * count for number, count in segment.readouts.items()]
        return sum(of_channels) + sum(of_readouts)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What some blocks of shots draw in a segment."""

    #: Shape (coins, words).
    coins: Words
    #: By channel.
    hits: dict[int, Hits]
    #: By readout error.
    readouts: dict[int, Events]


def begin(num_qubits: int, draws: Draws, blocks: Sequence[int]) -> Words:
    """Return the frames of shots in |0...0>, shape (2n, words): any Z leaves that state as it is."""
    frames = np.zeros((2 * num_qubits, len(blocks) * BLOCK_WORDS), np.uint64)
    frames[num_qubits:] = draws.bits(0, num_qubits, blocks)
    return frames


def drawn(
    segment: Segment, tables: NoiseTables, draws: Draws, blocks: Sequence[int], checkpoint: Checkpoint
) -> Drawn:
    """Draw all that some blocks of shots need in a segment."""
    words = len(blocks) * BLOCK_WORDS
    found = {}
    for number, places in segment.noise.items():
        channel = tables.channels[number]
        checkpoint()
        events = channel_events(channel, places, draws, blocks)
        checkpoint()
        found[number] = hits(channel, places, events, segment.num_qubits, words)
    checkpoint()
    readouts = {
        number: tables.readouts[number].events(count, draws, blocks) for number, count in segment.readouts.items()
    }
    return Drawn(draws.bits(segment.num_qubits, segment.num_coins, blocks), found, readouts)


def run_frames(
    segment: Segment,
    reference: Reference,
    tables: NoiseTables,
    own: Drawn,
    frames: Words,
    memory: Memory,
    checkpoint: Checkpoint,
) -> None:
    """Take frames and memories through a segment, but for what is put off behind it."""
    flags = np.zeros((segment.num_flags, frames.shape[1]), np.uint64)
    for layer, outcomes in zip(segment.layers, reference.outcomes, strict=True):
        checkpoint()
        run_pairs(layer, frames)
        _measures(layer, outcomes, own.coins, frames, memory)
        _resets(layer, own.coins, frames)
        for channel, (start, end) in layer.noise.items():
            own.hits[channel].strike(frames, start, end)
        for operation in layer.classical:
            match operation:
                case Test():
                    _test(operation, memory, flags)
                case Assign(target=target, value=value, within=within):
                    memory.assign(target, value, None if within is None else flags[within])
                case ReadoutPlaces(error=error):
                    tables.readouts[error].apply(memory.clbits, operation, own.readouts[error])
        if layer.feedback is not None:
            layer.feedback.rows.multiply(frames, flags.take(layer.feedback.flags, axis=0))


def run_pairs(layer: Layer, frames: Words) -> None:
    """Do the controlled Paulis of a layer, but for signs."""
    if layer.pairs is None:
        return
    first, second = layer.pairs
    # Where the frame anticommutes with the one Pauli, it is multiplied by the other.
    for_second, for_first = first.anticommuting(frames), second.anticommuting(frames)
    second.multiply(frames, for_second)
    first.multiply(frames, for_first)


def _measures(layer: Layer, outcomes: Words, coins: Words, frames: Words, memory: Memory) -> None:
    measures = layer.measures
    if measures is None:
        return
    found = measures.rows.anticommuting(frames)
    found ^= outcomes
    memory.clbits[measures.clbits] = found
    if measures.undetermined is not None:
        measures.undetermined.multiply(frames, coins.take(measures.coins, axis=0))


def _resets(layer: Layer, coins: Words, frames: Words) -> None:
    resets = layer.resets
    if resets is None:
        return
    frames[resets.rows.checks] = 0
    frames[resets.rows.ys_z] = 0
    frames[resets.rows.own] = 0
    resets.rows.multiply(frames, coins.take(resets.coins, axis=0))


def _test(test: Test, memory: Memory, flags: Words) -> None:
    within = None if test.within is None else flags[test.within]
    true = memory.test(test.expression, test.values, within)
    if test.negated:
        true = ~true & (memory.wanted if within is None else memory.wanted & within)
    flags[test.flag] = true
