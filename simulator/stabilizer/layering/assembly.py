"""What a builder has collected -> layers, with arrays of all that is done in each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.program import MAX_QUBITS
from simulator.stabilizer.cliffords.one_qubit import NEGATIVE, Element, Pauli
from simulator.stabilizer.layering.layers import (
    Assign,
    Feedback,
    Flag,
    Layer,
    Measures,
    NoisePlaces,
    ReadoutPlaces,
    Resets,
    Segment,
    Test,
)
from simulator.stabilizer.layering.rows import PauliRows
from simulator.typing import Indices

#: Bits of a qubit's number, and of a Pauli, in the number that a controlled Pauli is packed into.
QUBIT_BITS, PAULI_BITS = MAX_QUBITS.bit_length(), 2
_PAIR_BITS = 2 * (QUBIT_BITS + PAULI_BITS)

#: What is classical; a readout error as its number and its clbits.
Operation: TypeAlias = Test | Assign | tuple[int, tuple[int, ...]]


@dataclass(slots=True, eq=False)
class Collected:
    """What is done, each with the number of its layer; a place is where the state of a qubit lies."""

    #: Layer, place, place, Pauli and Pauli, from the highest bits down.
    pairs: list[int] = field(default_factory=list)
    #: Each (layer, place, Pauli with its sign, clbit, coin).
    measures: list[list[int]] = field(default_factory=list)
    #: Each (layer, place, Pauli with its sign, coin).
    resets: list[tuple[int, int, int, int]] = field(default_factory=list)
    #: Channel -> (layer, places, gates that are put off).
    noise: dict[int, list[tuple[int, list[int], list[int]]]] = field(default_factory=lambda: defaultdict(list))
    #: By layer.
    classical: dict[int, list[Operation]] = field(default_factory=lambda: defaultdict(list))
    #: Layer -> place -> (Pauli, flag).
    feedback: dict[int, dict[int, tuple[Pauli, Flag]]] = field(default_factory=lambda: defaultdict(dict))


def assembled(
    found: Collected,
    num_coins: int,
    num_flags: int,
    *,
    final: bool,
    places: Sequence[int],
    pending: Sequence[Element],
) -> Segment:
    """Return the segment of what was collected."""
    num_qubits = len(places)
    layers: dict[int, Layer] = defaultdict(Layer)
    _pairs(found, layers, num_qubits)
    _measures(found, layers, num_qubits)
    _resets(found, layers, num_qubits)
    noise, readouts = _noise(found, layers), _classical(found, layers)
    for level, targets in found.feedback.items():
        if targets:
            layers[level].feedback = _feedback(targets, num_qubits)
    return Segment(
        num_qubits,
        [layers[level] for level in sorted(layers)],
        num_coins,
        num_flags,
        noise,
        readouts,
        final=final,
        places=np.array(places, np.intp),
        pending=np.array(pending, np.intp),
    )


def _pairs(found: Collected, layers: dict[int, Layer], num_qubits: int) -> None:
    packed = np.sort(np.array(found.pairs, np.int64))
    mask, pauli_mask = (1 << QUBIT_BITS) - 1, (1 << PAULI_BITS) - 1
    sides = []
    levels, bounds = _bounds(packed >> _PAIR_BITS)
    for which in (1, 0):
        qubits = packed >> 2 * PAULI_BITS + which * QUBIT_BITS & mask
        paulis = packed >> which * PAULI_BITS & pauli_mask
        sides.append(PauliRows.of(qubits, paulis, num_qubits).cut(bounds))
    for level, first, second in zip(levels, *sides, strict=True):
        layers[level].pairs = first, second


def _measures(found: Collected, layers: dict[int, Layer], num_qubits: int) -> None:
    table, levels, bounds, rows = _sorted(found.measures, num_qubits)
    for level, start, end, some in zip(levels, bounds[:-1], bounds[1:], rows, strict=True):
        part = table[start:end]
        tossed = part[:, 4] >= 0
        undetermined = some if tossed.all() else some.where(tossed) if tossed.any() else None
        layers[level].measures = Measures(
            some, part[:, 2] & NEGATIVE != 0, part[:, 3], undetermined, part[tossed, 4]
        )


def _resets(found: Collected, layers: dict[int, Layer], num_qubits: int) -> None:
    table, levels, bounds, rows = _sorted(found.resets, num_qubits)
    for level, start, end, some in zip(levels, bounds[:-1], bounds[1:], rows, strict=True):
        part = table[start:end]
        layers[level].resets = Resets(some, part[:, 2] & NEGATIVE != 0, part[:, 3])


def _sorted(
    table: Sequence[Any], num_qubits: int
) -> tuple[NDArray[np.int64], list[int], Indices, list[PauliRows]]:
    """Return a table by its layers, the layers, where each begins and ends, and the rows of its Paulis."""
    if not table:
        return np.empty((0, 5), np.int64), [], np.zeros(1, np.intp), []
    array = np.array(table, np.int64)
    array = array[np.argsort(array[:, 0], kind="stable")]
    levels, bounds = _bounds(array[:, 0])
    rows = PauliRows.of(array[:, 1], array[:, 2] & ~NEGATIVE, num_qubits).cut(bounds)
    return array, levels, bounds, rows


def _noise(found: Collected, layers: dict[int, Layer]) -> dict[int, NoisePlaces]:
    by_channel = {}
    for channel, places in sorted(found.noise.items()):
        levels = np.array([level for level, _, _ in places])
        order = np.argsort(levels, kind="stable")
        qubits = np.array([at for _, at, _ in places])[order]
        pending = np.array([gates for _, _, gates in places])[order]
        by_channel[channel] = NoisePlaces(channel, qubits, pending)
        own_levels, bounds = _bounds(levels[order])
        for level, start, end in zip(own_levels, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            layers[level].noise[channel] = start, end
    return by_channel


def _classical(found: Collected, layers: dict[int, Layer]) -> dict[int, int]:
    """Put readout errors of one kind together, and return how many places each has."""
    counts: dict[int, int] = defaultdict(int)
    for level in sorted(found.classical):
        operations_there = layers[level].classical
        together: list[tuple[int, ...]] = []
        operations = found.classical[level]
        for operation, following in zip(operations, [*operations[1:], None], strict=True):
            if not isinstance(operation, tuple):
                operations_there.append(operation)
                continue
            error, clbits = operation
            together.append(clbits)
            apart = set(chain.from_iterable(together)).isdisjoint
            if not (isinstance(following, tuple) and following[0] == error and apart(following[1])):
                operations_there.append(ReadoutPlaces(error, counts[error], np.array(together)))
                counts[error] += len(together)
                together = []
    return dict(counts)


def _feedback(targets: dict[int, tuple[Pauli, Flag]], num_qubits: int) -> Feedback:
    paulis = np.array([pauli for pauli, _ in targets.values()])
    rows = PauliRows.of(np.array(list(targets)), paulis, num_qubits)
    return Feedback(rows, np.array([flag for _, flag in targets.values()]))


def _bounds(levels: NDArray[np.int64]) -> tuple[list[int], Indices]:
    """Return the layers that are there, ascending, and where each begins and ends."""
    starts = np.flatnonzero(np.diff(levels, prepend=-1))
    return levels[starts].tolist(), np.append(starts, levels.size)
