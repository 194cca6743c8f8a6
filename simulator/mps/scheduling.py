"""In which order gates are done: the centre of the state has short ways, or wires walk at the same time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from simulator.mps.local_gate import LocalGate


def in_layers(gates: Iterable[LocalGate], num_wires: int) -> list[list[LocalGate]]:
    """Return gates in layers that share no wire: each in the first behind all that shares a wire with it."""
    depth = [0] * num_wires
    layers: list[list[LocalGate]] = []
    for gate in gates:
        level = max([depth[wire] for wire in gate.wires])
        if level == len(layers):
            layers.append([])
        layers[level].append(gate)
        for wire in gate.wires:
            depth[wire] = level + 1
    return layers


def nearest_first(gates: Sequence[LocalGate], site_of: Sequence[int]) -> Iterator[LocalGate]:
    """Yield gates on neighbours: of those that may come next, the nearest to the one before; on one wire at once.

    Diagonal gates that follow each other on a wire may come in any order. So where a layer of them went to the
    right, the next goes to the left.
    """
    queue = _Queue(gates)
    waiting: list[list[int]] = [[] for _ in site_of]
    place, step = 0, 1
    for _ in gates:
        for index in queue.take_ready():
            waiting[min([site_of[wire] for wire in gates[index].wires])].append(index)
        if queue.narrow:
            index = queue.narrow.popleft()
        else:
            before, place = place, _nearest(waiting, place, step)
            step = step if place == before else 1 if place > before else -1
            index = min(waiting[place])
            waiting[place].remove(index)
        queue.done(index)
        yield gates[index]


def _nearest(waiting: Sequence[Sequence[int]], place: int, step: int) -> int:
    """Return the site nearest to a place at which something waits; of two that are, the one ahead."""
    for distance in range(len(waiting)):
        for site in (place + distance * step, place - distance * step):
            if 0 <= site < len(waiting) and waiting[site]:
                return site
    raise ValueError("no gate may come next")


class _Queue:
    """Which gates may come next, by their indices: a wire has runs of gates, of diagonal ones or of one."""

    def __init__(self, gates: Sequence[LocalGate]) -> None:
        self._gates = gates
        runs: dict[int, deque[list[int]]] = {}
        ends_diagonal: dict[int, bool] = {}
        for index, gate in enumerate(gates):
            for wire in gate.wires:
                if gate.diagonal and ends_diagonal.get(wire):
                    runs[wire][-1].append(index)
                else:
                    runs.setdefault(wire, deque()).append([index])
                ends_diagonal[wire] = gate.diagonal
        self._runs = runs
        #: Of each gate, on how many wires others come first; of each wire, how many of the run are not done.
        self._behind = [len(gate.wires) for gate in gates]
        self._left: dict[int, int] = {}
        #: Those on one wire that may come next.
        self.narrow: deque[int] = deque()
        self._ready: list[int] = []
        for wire in runs:
            self._begin(wire)

    def _begin(self, wire: int) -> None:
        run = self._runs[wire].popleft()
        self._left[wire] = len(run)
        for index in run:
            self._behind[index] -= 1
            if not self._behind[index]:
                (self._ready if len(self._gates[index].wires) > 1 else self.narrow).append(index)

    def take_ready(self) -> list[int]:
        """Return the gates on several wires that may come next from now on."""
        found, self._ready = self._ready, []
        return found

    def done(self, index: int) -> None:
        """Note that a gate comes now."""
        for wire in self._gates[index].wires:
            self._left[wire] -= 1
            if not self._left[wire] and self._runs[wire]:
                self._begin(wire)
