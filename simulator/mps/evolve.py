"""Evolve a matrix product state: the order of its wires, and where one stays that a distant gate has fetched.

No order and no way is best for all circuits, and the bonds that come of them cannot be foreseen. So several are
tried in turns, each with twice the work of the one before, and the first that comes to its end is kept. Work is
counted, not timed: the same is kept on any machine.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.errors import MemoryRefusedError
from simulator.monitor import Checkpoint, Monitor
from simulator.mps.gates import LocalCircuit, are_local
from simulator.mps.local_gate import LocalGate
from simulator.mps.scheduling import in_layers, nearest_first
from simulator.mps.state import MatrixProductState
from simulator.mps.tensors import WORK_OF_A_SPLIT, OverBudgetError, TooLargeError
from simulator.piecewise import with_checkpoints
from simulator.sizes import size
from simulator.typing import Indices

#: Work of the first try: about 40 ms.
_FIRST_WORK = 1 << 22
#: Work of all: about 6 hours.
_MOST_WORK = 1 << 41
#: Bytes of all tensors of a state.
MOST_BYTES = 1 << 29
#: log2 of a bond that no state of so many bytes has.
_MOST_BOND_BITS = 12


@dataclass(frozen=True, slots=True)
class Truncation:
    """What may be cut off at a bond."""

    #: Most singular values that are kept; None: all.
    max_bond: int | None = None
    #: The smallest whose squares sum up to no more than this share of all are cut off: what rounding leaves.
    cutoff: float = 1e-16


#: Nothing but what is beyond a double beside the rest.
EXACT = Truncation()


def evolved(
    circuit: LocalCircuit, truncation: Truncation, monitor: Monitor, amplitudes: NDArray[Any] | None = None
) -> MatrixProductState:
    """Return the state after all gates, from |0...0> or from these amplitudes, shape (2^wires,).

    Raises MemoryRefusedError where bonds grow beyond all limits.
    """
    return _first_to_end(_ways(circuit, truncation, monitor.checkpoint, amplitudes), circuit, monitor)


def _ways(
    circuit: LocalCircuit, truncation: Truncation, checkpoint: Checkpoint, amplitudes: NDArray[Any] | None
) -> list[_Way]:
    """Return what is worth a try."""
    start = begun(circuit.num_wires, truncation, amplitudes, checkpoint)
    ways = _ways_from(start, circuit)
    if len(ways) > 1 and amplitudes is None:
        order = _by_interaction(circuit)
        if list(order) != start.wire_at:
            other = _ground(order, truncation, checkpoint)
            ways.append(_Way(other, walks_back=True, swaps=_swaps(other, circuit, walks_back=True)))
    return ways


def begun(
    num_wires: int,
    truncation: Truncation,
    amplitudes: NDArray[Any] | None,
    checkpoint: Checkpoint,
    most_bytes: int | None = None,
) -> MatrixProductState:
    """Return |0...0>, or the state of these amplitudes, shape (2^wires,): wire 0 is the least significant bit."""
    start = _ground(range(num_wires), truncation, checkpoint, most_bytes)
    if amplitudes is not None:
        start.most_work = _MOST_WORK
        try:
            start.split(amplitudes)
        except OverBudgetError:
            raise _refused(start, "when the initial state is split") from None
    return start


def onwards(state: MatrixProductState, circuit: LocalCircuit, monitor: Monitor) -> MatrixProductState:
    """Return the state after gates, as a function of the state and the gates only."""
    return _first_to_end(_ways_from(state, circuit), circuit, monitor)


def _ground(
    order: Sequence[int], truncation: Truncation, checkpoint: Checkpoint, most_bytes: int | None = None
) -> MatrixProductState:
    """Return |0...0>, with these wires at its sites."""
    return MatrixProductState(
        order,
        max_bond=truncation.max_bond,
        cutoff=truncation.cutoff,
        most_bytes=most_bytes or MOST_BYTES,
        checkpoint=checkpoint,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """Where wires lie at first, and whether those that a gate has fetched go back."""

    start: MatrixProductState
    walks_back: bool
    #: How many swaps fetch wires, and bring them back.
    swaps: int = 0


def _ways_from(start: MatrixProductState, circuit: LocalCircuit) -> list[_Way]:
    """Return the ways from a state on; one, if all gates are on neighbours."""
    stays = _Way(start, walks_back=False, swaps=_swaps(start, circuit, walks_back=False))
    if not stays.swaps:
        return [stays]
    return [stays, _Way(start, walks_back=True, swaps=_swaps(start, circuit, walks_back=True))]


def _swaps(start: MatrixProductState, circuit: LocalCircuit, *, walks_back: bool) -> int:
    """Count the swaps of a way, without doing any."""
    wire_at, swaps = start.wire_at[:], 0
    for gate in with_checkpoints(circuit.gates, start.checkpoint):
        first, *others = sorted(map(wire_at.index if not walks_back else start.site_of.__getitem__, gate.wires))
        for place, site in enumerate(others, start=first + 1):
            swaps += site - place
            if not walks_back and site > place:
                wire_at.insert(place, wire_at.pop(site))
    return 2 * swaps if walks_back else swaps


def _first_to_end(ways: Sequence[_Way], circuit: LocalCircuit, monitor: Monitor) -> MatrixProductState:
    """Try ways in turns, until the work of one is enough; one whose tensors are too large is not tried again.

    That of the fewest swaps comes first, and may take what they take while bonds are small.
    """
    left = deque(sorted(ways, key=lambda way: way.swaps))
    most_work = float(_MOST_WORK)
    if len(ways) == 1:
        steps: Sequence[Sequence[LocalGate]] = [
            (gate,) for gate in nearest_first(circuit.gates, left[0].start.site_of)
        ]
    else:
        most_work = _FIRST_WORK + 2.0 * WORK_OF_A_SPLIT * (len(circuit.gates) + left[0].swaps)
        steps = in_layers(circuit.gates, circuit.num_wires)
    while True:
        way = left.popleft()
        state = way.start.copy()
        state.work, state.most_work = 0.0, most_work
        done = 0
        try:
            for done, step in enumerate(steps, start=1):
                state.layer(step, walks_back=way.walks_back)
                monitor.report(done / len(steps))
            state.finish()
        except OverBudgetError as error:
            if not isinstance(error, TooLargeError):
                left.append(way)
            if not left or most_work >= _MOST_WORK:
                names = sorted({gate.name for gate in steps[done - 1]})
                raise _refused(state, f"in step {done} of {len(steps)} ({', '.join(names[:4])})") from None
            most_work *= 2
        else:
            state.most_work = math.inf
            return state


def _refused(state: MatrixProductState, where: str) -> MemoryRefusedError:
    return MemoryRefusedError(
        f"matrix product states of this circuit are too large: a bond has {state.largest_bond} values {where}, "
        f"and all tensors together may have {size(state.most_bytes)}: give max_bond=..., which makes results "
        'approximate, or use method="statevector"'
    )


def bond_bound(num_wires: int, gates: Iterable[Sequence[int]] | None, truncation: Truncation) -> int:
    """Return what no bond can pass: of half of the wires, of the gates across it, or as it is asked for.

    ``gates`` are the wires of each gate; None: there may be any.
    """
    bits = num_wires // 2
    wires_of_gates = None if gates is None else [wires for wires in gates if wires]
    if wires_of_gates is not None and are_local(wires_of_gates):
        # What acts on k wires on the smaller side of a bond multiplies its values by 4^k at most.
        across = np.zeros(num_wires + 1, np.int64)
        for wires in wires_of_gates:
            for cut in range(1, len(wires)):
                across[min(wires) + cut] += 2 * min(cut, len(wires) - cut)
        bits = min(bits, int(across.max()))
    bound = 1 << min(bits, _MOST_BOND_BITS)
    return bound if truncation.max_bond is None else min(bound, truncation.max_bond)


def _by_interaction(circuit: LocalCircuit) -> tuple[int, ...]:
    """Return wires in an order in which those that share gates are near, or the natural one, if that is no worse.

    By the second eigenvector of the interactions' Laplacian (Fiedler).
    """
    shared = np.zeros((circuit.num_wires,) * 2)
    for gate in circuit.gates:
        for one, other in itertools.permutations(gate.wires, 2):
            shared[one, other] += 1
    laplacian = np.diag(shared.sum(axis=1)) - shared
    # Rounded, so that equal entries stay in the order of the wires wherever this runs.
    fiedler = np.linalg.eigh(laplacian)[1][:, 1].round(9)
    fiedler *= math.copysign(1.0, fiedler[np.flatnonzero(fiedler)[0]]) if fiedler.any() else 1.0
    order = np.argsort(fiedler, kind="stable")
    place = np.argsort(order)
    natural = np.arange(circuit.num_wires)
    return tuple(order.tolist()) if _walked(shared, place) < _walked(shared, natural) else tuple(natural.tolist())


def _walked(shared: NDArray[np.float64], place: Indices) -> float:
    """Return how far apart the wires of all gates are."""
    apart = np.abs(place[:, None] - place[None, :])
    return float((shared * np.maximum(0, apart - 1)).sum())
