"""Evolve a matrix product state: the order of its wires, and where one stays that a distant gate has fetched.

No order and no way is best for all circuits, and the bonds that come of them cannot be foreseen. So several are
tried in turns, each with twice the work of the one before, and the first that comes to its end is kept. Work is
counted, not timed: the same is kept on any machine.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.errors import MemoryRefusedError
from simulator.monitor import Monitor
from simulator.mps.gates import LocalCircuit
from simulator.mps.state import MatrixProductState, OverBudgetError
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


@dataclass(frozen=True, slots=True)
class _Way:
    """Where wires lie, and whether those that a gate has fetched go back."""

    order: tuple[int, ...]
    walks_back: bool


def evolved(circuit: LocalCircuit, truncation: Truncation, monitor: Monitor) -> MatrixProductState:
    """Return the state after all gates, from |0...0>.

    Raises MemoryRefusedError where bonds grow beyond all limits.
    """
    ways = _ways(circuit)
    most_work = float(_MOST_WORK if len(ways) == 1 else _FIRST_WORK)
    for way in itertools.cycle(ways):
        state = MatrixProductState(
            way.order,
            max_bond=truncation.max_bond,
            cutoff=truncation.cutoff,
            most_work=most_work,
            most_bytes=MOST_BYTES,
            checkpoint=monitor.checkpoint,
        )
        try:
            for done, layer in enumerate(circuit.layers, start=1):
                state.layer(layer, walks_back=way.walks_back)
                monitor.report(done / len(circuit.layers))
        except OverBudgetError:
            if most_work >= _MOST_WORK:
                raise _refused(state, circuit, done) from None
            most_work *= 2
            continue
        break
    return state


def _refused(state: MatrixProductState, circuit: LocalCircuit, layer: int) -> MemoryRefusedError:
    names = sorted({gate.name for gate in circuit.layers[layer - 1]})
    return MemoryRefusedError(
        f"matrix product states of this circuit are too large: a bond has {state.largest_bond} values at layer "
        f"{layer} of {len(circuit.layers)} ({', '.join(names[:4])}), and all tensors together may have "
        f'{size(MOST_BYTES)}: give max_bond=..., which makes results approximate, or use method="statevector"'
    )


def bond_bound(circuit: LocalCircuit, truncation: Truncation) -> int:
    """Return what no bond can pass: of half of the wires, of the gates across it, or as it is asked for."""
    bits = circuit.num_wires // 2
    if circuit.is_local:
        # What acts on k wires on the smaller side of a bond multiplies its values by 4^k at most.
        across = np.zeros(circuit.num_wires + 1, np.int64)
        for gate in circuit.gates:
            first, width = min(gate.wires), len(gate.wires)
            for cut in range(1, width):
                across[first + cut] += 2 * min(cut, width - cut)
        bits = min(bits, int(across.max()))
    bound = 1 << min(bits, _MOST_BOND_BITS)
    return bound if truncation.max_bond is None else min(bound, truncation.max_bond)


def _ways(circuit: LocalCircuit) -> list[_Way]:
    """Return what is worth a try; one, if all gates are on neighbours."""
    natural = tuple(range(circuit.num_wires))
    if circuit.is_local:
        return [_Way(natural, walks_back=False)]
    return [
        _Way(natural, walks_back=False),
        _Way(natural, walks_back=True),
        _Way(_by_interaction(circuit), walks_back=True),
    ]


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
