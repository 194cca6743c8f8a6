"""Shots that take different ways through a program: those that have taken the same are a cohort.

A cohort has a tableau, which has done what its shots have done, and their frames. Where ways part, each part gets
a copy of the tableau, and of the words of the frames in which it has shots. The part of fewest shots goes on, and
the others wait: so no more wait than the logarithm of the number of shots says, whatever the program. What a shot
draws is named by how many segments it has run: it does not depend on who shares its cohort.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.expression import Var
from simulator.monitor import Checkpoint
from simulator.stabilizer.cliffords.one_qubit import IMAGES, NEGATIVE, X, Z
from simulator.stabilizer.draws import BLOCK_WORDS, Draws, Events, blocks_of_few_events
from simulator.stabilizer.frames import Drawn, NoiseTables, begin, drawn, run_frames
from simulator.stabilizer.layering.code import Choose, End, Enter, Jump, Next, Run
from simulator.stabilizer.layering.compiler import Compiled
from simulator.stabilizer.layering.layers import Segment
from simulator.stabilizer.layering.rows import PauliRows, Words
from simulator.stabilizer.memory import Memory
from simulator.stabilizer.noise import Hits
from simulator.stabilizer.reference import run_reference
from simulator.stabilizer.tableau import Tableau
from simulator.typing import Indices

#: Bytes of the frames that are parted together.
_TOGETHER = 1 << 24
_IMAGES = np.array(IMAGES)


@dataclass(slots=True, eq=False)
class Cohort:
    """Shots that have taken the same way so far."""

    tableau: Tableau
    #: Shape (2n, words): only shots that the memory wants count.
    frames: Words
    memory: Memory
    #: Which words of the blocks these are.
    words: Indices
    #: The index of the node that comes next.
    node: int = 0
    #: How many segments it has run.
    visits: int = 0
    #: Loop -> the rounds that it has begun.
    rounds: dict[int, int] = field(default_factory=dict)


def blocks_together(num_qubits: int, events: float) -> int:
    """Return how many blocks are parted together: a way through the program is run once for all of them.

    ``events`` are those that a shot is expected to have in a segment.
    """
    by_frames = _TOGETHER // (8 * BLOCK_WORDS * 2 * max(1, num_qubits))
    return min(max(1, by_frames), blocks_of_few_events(events))


def most_waiting(shots: int, ways: int) -> int:
    """Return how many cohorts there are at once, at most, if no instruction has more ways to go on."""
    # The part that goes on has at most its share of the shots; the others wait.
    return 1 + math.ceil((ways - 1) / math.log2(ways) * math.log2(max(2, shots)))


def cohorts_at_end(
    compiled: Compiled, wanted: Words, blocks: Sequence[int], *, seed: int, checkpoint: Checkpoint
) -> Iterator[Cohort]:
    """Yield the cohorts of some blocks' shots, each as it has come to the end."""
    program = compiled.program
    frames = begin(program.num_qubits, Draws(seed), blocks)
    memory = Memory(program.num_clbits, program.variables, wanted)
    waiting = [Cohort(Tableau(program.num_qubits), frames, memory, np.arange(wanted.size))]
    while waiting:
        cohort = waiting.pop()
        while not isinstance(node := compiled.code[cohort.node], End):
            checkpoint()
            match node:
                case Run(segment=segment):
                    draws = Draws(seed, cohort.visits)
                    own = _own_draws(segment, compiled.tables, draws, blocks, cohort.words, checkpoint)
                    _run(compiled, segment, own, cohort, checkpoint)
                case Jump(target=target):
                    cohort.node = target
                case Enter(loop=loop):
                    cohort.rounds[loop] = 0
                    cohort.node += 1
                case Next():
                    _begin_round(node, cohort)
                case Choose():
                    cohort, *others = _parted(node, cohort)
                    waiting += others
        yield cohort


def _run(compiled: Compiled, segment: Segment, own: Drawn, cohort: Cohort, checkpoint: Checkpoint) -> None:
    reference = run_reference(segment, cohort.tableau, checkpoint)
    run_frames(segment, reference, compiled.tables, own, cohort.frames, cohort.memory, checkpoint)
    _settle(segment, cohort)
    cohort.node += 1
    cohort.visits += 1


def _settle(segment: Segment, cohort: Cohort) -> None:
    """Do what a segment puts off: gates on one qubit, and where the state of each qubit lies."""
    num_qubits, places = segment.num_qubits, segment.places
    images = _IMAGES[segment.pending[places]]
    of_x, of_z = (PauliRows.of(places, images[:, pauli] & ~NEGATIVE, num_qubits) for pauli in (X, Z))
    tableau, frames = cohort.tableau, cohort.frames
    strings = [tableau.strings(rows) for rows in (of_x, of_z)]
    negative = np.concatenate([images[:, X], images[:, Z]]) & NEGATIVE != 0
    phases = np.concatenate([each.phases for each in strings]) + 2 * negative.astype(np.uint8) & 3
    tableau.x, tableau.z = (np.concatenate([each[part] for each in strings]) for part in (0, 1))
    tableau.phases = phases
    # A frame has an X where it anticommutes with Z, and the other way round.
    cohort.frames = np.concatenate([of_z.anticommuting(frames), of_x.anticommuting(frames)])


def _begin_round(node: Next, cohort: Cohort) -> None:
    done = cohort.rounds[node.loop]
    if done == len(node.indices):
        cohort.node = node.exit
        return
    cohort.rounds[node.loop] = done + 1
    if node.variable is not None:
        cohort.memory.assign(Var(node.variable), node.indices[done], None)
    cohort.node = node.bodies[done if len(node.bodies) > 1 else 0]


def _parted(node: Choose, cohort: Cohort) -> list[Cohort]:
    """Return the parts of a cohort by where they go on, that of fewest shots first."""
    rest, parts = cohort.memory.wanted, list[tuple[Words, int]]()
    for values, target in node.arms:
        own = cohort.memory.test(node.expression, values, rest)
        rest = rest & ~own
        parts.append((own, target))
    parts.append((rest, node.otherwise))
    found = [
        (int(np.unpackbits(own.view(np.uint8)).sum()), place, own, target)
        for place, (own, target) in enumerate(parts)
        if own.any()
    ]
    found.sort(key=lambda part: part[:2])
    *fewer, (_, _, most, target) = found
    made = [_part(cohort, own, target) for _, _, own, target in fewer]
    cohort.memory.wanted, cohort.node = most, target
    return [*made, cohort]


def _part(cohort: Cohort, own: Words, target: int) -> Cohort:
    words = np.flatnonzero(own)
    return replace(
        cohort,
        tableau=cohort.tableau.copy(),
        frames=cohort.frames.take(words, axis=1),
        memory=cohort.memory.taken(words, own[words]),
        words=cohort.words[words],
        node=target,
        rounds=dict(cohort.rounds),
    )


def _own_draws(
    segment: Segment,
    tables: NoiseTables,
    draws: Draws,
    blocks: Sequence[int],
    words: Indices,
    checkpoint: Checkpoint,
) -> Drawn:
    """Return what the shots of some words draw; others of their blocks have draws of their own there."""
    used = np.unique(words // BLOCK_WORDS)
    places = np.searchsorted(used, words // BLOCK_WORDS) * BLOCK_WORDS + words % BLOCK_WORDS
    return _taken(drawn(segment, tables, draws, [blocks[index] for index in used.tolist()], checkpoint), places)


def _taken(own: Drawn, words: Indices) -> Drawn:
    total = own.coins.shape[1]
    if words.size == total:
        return own
    place_of = np.full(total, -1)
    place_of[words] = np.arange(words.size)
    hits = {channel: _taken_hits(each, place_of, words.size) for channel, each in own.hits.items()}
    readouts = {number: _taken_events(each, place_of) for number, each in own.readouts.items()}
    return Drawn(own.coins.take(words, axis=1), hits, readouts)


def _taken_hits(hits: Hits, place_of: NDArray[np.int64], count: int) -> Hits:
    rows, words = np.divmod(hits.words, place_of.size)
    places = place_of[words]
    kept = places >= 0
    return Hits(rows[kept] * count + places[kept], hits.bits[kept], hits.places[kept])


def _taken_events(events: Events, place_of: NDArray[np.int64]) -> Events:
    places = place_of[events.shots >> 6]
    kept = places >= 0
    shots = places[kept] << 6 | events.shots[kept] & 63
    return Events(events.places[kept], shots, events.numbers[kept])
