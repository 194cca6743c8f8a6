"""A matrix product state: tensors of wires, and gates on these.

Wires lie at sites; swaps move them. Gates on two sites wait for what comes next there.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.mps.local_gate import LocalGate, reordered
from simulator.mps.tensors import CentredTensors

#: Sites of a gate that waits for the next.
_PAIR = 2
#: Swaps two wires.
_SWAP = np.eye(4)[[0, 2, 1, 3]]
_NO_CHANGE = np.eye(4)


class MatrixProductState(CentredTensors):
    """Tensors of wires, all in |0> at first.

    Args:
        order: the wire at each site.
        max_bond: most singular values that a bond keeps; None: as many as there are.
        cutoff: the smallest singular values whose squares sum up to no more than this share are cut off.
        most_bytes: the bytes that its tensors may have.
        checkpoint: called before each split.

    Raises OverBudgetError in anything that changes it.
    """

    def __init__(
        self,
        order: Sequence[int],
        *,
        max_bond: int | None,
        cutoff: float,
        most_bytes: int,
        checkpoint: Checkpoint,
    ) -> None:
        super().__init__(
            len(order), max_bond=max_bond, cutoff=cutoff, most_bytes=most_bytes, checkpoint=checkpoint
        )
        self.wire_at = list(order)
        self.site_of = [0] * len(order)
        for site, wire in enumerate(order):
            self.site_of[wire] = site
        #: Left site of two neighbours -> what they are still to be multiplied by. No two of them share a site.
        self._pending: dict[int, NDArray[Any]] = {}

    def copy(self) -> MatrixProductState:
        """Return a state that changes by itself. The tensors themselves never change."""
        found = copy.copy(self)
        found.tensors, found.wire_at, found.site_of = self.tensors[:], self.wire_at[:], self.site_of[:]
        found._pending = self._pending.copy()  # noqa: SLF001 (its own)
        return found

    def split(self, amplitudes: NDArray[Any]) -> None:
        """Become the state of these amplitudes, shape (2^wires,); wire 0 is the least significant bit."""
        count = len(self.tensors)
        axes = [count - 1 - wire for wire in self.wire_at]
        rest = amplitudes.reshape((2,) * count).transpose(axes).reshape(1, -1)
        for site in range(count - 1):
            vectors, values, other = self._split(rest.reshape(2 * len(rest), -1))
            self._put(site, vectors.reshape(len(rest), 2, -1))
            rest = values[:, None] * other
        if count:
            self._put(count - 1, rest.reshape(-1, 2, 1))
            self._centre = count - 1

    def layer(self, gates: Sequence[LocalGate], *, walks_back: bool) -> None:
        """Do gates that share no wire, from the end that is nearer to the centre."""
        ordered = sorted(gates, key=lambda gate: self.site_of[gate.wires[0]])
        if 2 * self._centre > len(self.tensors):
            ordered.reverse()
        for gate in ordered:
            self.gate(gate, walks_back=walks_back)

    def gate(self, gate: LocalGate, *, walks_back: bool) -> None:
        """Bring the wires of a gate together, at the leftmost of them, and do it, now or before `finish` ends."""
        if len(gate.wires) == 1:
            self._act(gate.matrix, self.site_of[gate.wires[0]], 1)
            return
        swaps = self._gather(gate.wires)
        sites = sorted(self.site_of[wire] for wire in gate.wires)
        wanted = tuple(self.wire_at[site] for site in reversed(sites))
        self._act(reordered(gate.matrix, gate.wires, wanted), sites[0], len(sites))
        if walks_back:
            for site in reversed(swaps):
                self._swap(site)

    def finish(self) -> None:
        """Do all that is pending, from the end that is nearer to the centre."""
        for first in sorted(self._pending, reverse=2 * self._centre > len(self.tensors)):
            self._do_pending(first)

    def canonicalize(self) -> None:
        """Bring the centre to the first site, and the norm to 1."""
        if not self.tensors:
            return
        self._walk(0)
        self.tensors[0] = self.tensors[0] / np.linalg.norm(self.tensors[0])

    def rename(self, new: Sequence[int]) -> None:
        """Give each wire ``new[wire]`` the name ``wire``."""
        self.site_of = [self.site_of[wire] for wire in new]
        for wire, site in enumerate(self.site_of):
            self.wire_at[site] = wire

    def probabilities(self, wire: int) -> NDArray[np.float64]:
        """Return how probable the values 0 and 1 of a wire are, shape (2,), of any norm."""
        site = self.site_of[wire]
        self._walk(site)
        magnitudes = np.abs(self.tensors[site]) ** 2
        found: NDArray[np.float64] = magnitudes.sum(axis=(0, 2))
        return found

    def project(self, wire: int, value: int, *, reset: bool) -> None:
        """Become the state after a wire was measured as a value; ``reset``: with 0 there."""
        site = self.site_of[wire]
        self._walk(site)
        kept = self.tensors[site][:, value]
        tensor = np.zeros_like(self.tensors[site])
        # A factor by itself has no phase, so that states that differ in it only are equal.
        tensor[:, 0 if reset else value] = kept / np.linalg.norm(kept) if kept.size > 1 else 1
        self._put(site, tensor)
        self._narrow(site)

    def reduced(self, wires: tuple[int, ...]) -> NDArray[Any]:
        """Return the density matrix of some wires, of any norm; the first is a row's least significant bit."""
        self._gather(wires)
        self.finish()
        sites = sorted(self.site_of[wire] for wire in wires)
        merged = self._merged(sites[0], sites[-1])
        rows = merged.transpose(1, 0, 2).reshape(merged.shape[1], -1)
        found = tuple(self.wire_at[site] for site in reversed(sites))
        return reordered(rows @ rows.conj().T, found, wires)

    def apply(self, matrix: NDArray[Any], wires: tuple[int, ...]) -> None:
        """Multiply by any matrix on some wires, to a norm of 1; the first is a row's least significant bit."""
        self.gate(LocalGate(matrix, wires, "matrix"), walks_back=False)
        self.finish()
        tensor = self.tensors[self._centre]
        self._put(self._centre, tensor / np.linalg.norm(tensor))

    def fingerprint(self) -> int:
        """Return a number that is the same for the same states."""
        return hash((self._centre, *self.wire_at, *[hash(tensor.tobytes()) for tensor in self.tensors]))

    def is_same(self, other: MatrixProductState) -> bool:
        """Whether all tensors are the same, so that whatever is done to both leaves them so."""
        pairs = list(zip(self.tensors, other.tensors, strict=True))
        return (self._centre, self.wire_at) == (other._centre, other.wire_at) and all(
            one is two or (one.dtype == two.dtype and np.array_equal(one, two)) for one, two in pairs
        )

    def _gather(self, wires: Sequence[int]) -> list[int]:
        """Make wires neighbours by swaps; return the left sites of these, in order."""
        swaps = []
        first, *others = sorted(self.site_of[wire] for wire in wires)
        for place, site in enumerate(others, start=first + 1):
            for left in range(site - 1, place - 1, -1):
                self._swap(left)
                swaps.append(left)
        return swaps

    def _swap(self, left: int) -> None:
        self._act(_SWAP, left, 2)
        one, other = self.wire_at[left : left + 2]
        self.wire_at[left : left + 2] = other, one
        self.site_of[one], self.site_of[other] = left + 1, left

    def _act(self, matrix: NDArray[Any], first: int, count: int) -> None:
        """Multiply neighbouring sites by a matrix; the leftmost is the most significant bit of its rows.

        Two sites wait for what comes next: often it is on the same, as where a wire passes others that it has
        gates with.
        """
        is_pair = count == _PAIR
        if is_pair and first in self._pending:
            product = matrix @ self._pending.pop(first)
            if not np.array_equal(product, _NO_CHANGE):
                self._pending[first] = product
            return
        for site in range(first - 1, first + count):
            if site in self._pending:
                self._do_pending(site)
        if is_pair:
            self._pending[first] = matrix
        elif count == 1:
            self._put(first, np.matmul(matrix, self.tensors[first]))
        else:
            self._do(matrix, first, count)

    def _do_pending(self, first: int) -> None:
        matrix = self._pending.pop(first)
        one, other = self.tensors[first : first + 2]
        if matrix is _SWAP and one.size == other.size == 2:  # noqa: PLR2004 (a bit's amplitudes)
            # Both are factors by themselves, which change places; the centre goes with its tensor.
            self.tensors[first : first + 2] = other, one
            if self._centre in (first, first + 1):
                self._centre = 2 * first + 1 - self._centre
            return
        self._do(matrix, first, _PAIR)
