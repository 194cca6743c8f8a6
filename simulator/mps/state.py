"""A matrix product state with one centre: left of it tensors are left-orthogonal, right of it right-orthogonal.

So the singular values at the centre are the Schmidt coefficients of the state, and what is cut off there is the
least that can be. A tensor has the axes (left bond, bit, right bond). Wires lie at sites; swaps move them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.mps.gates import LocalGate, reordered

#: Swaps two wires.
_SWAP = np.eye(4)[[0, 2, 1, 3]]
#: What Python and LAPACK take to begin a split, in units of `MatrixProductState.work`. Measured.
_WORK_OF_A_SPLIT = 4000


class OverBudgetError(Exception):
    """More work than this try may take."""


class TooLargeError(OverBudgetError):
    """More bytes than any try may take."""


class MatrixProductState:
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
        self.tensors: list[NDArray[Any]] = [np.array([[[1.0], [0.0]]]) for _ in order]
        self.wire_at = list(order)
        self.site_of = [0] * len(order)
        for site, wire in enumerate(order):
            self.site_of[wire] = site
        self._max_bond, self._cutoff = max_bond, cutoff
        #: The bytes that its tensors may have.
        self.most_bytes = most_bytes
        self._checkpoint = checkpoint
        self._bytes = sum(tensor.nbytes for tensor in self.tensors)
        self._centre = 0
        #: About how long it took, in units of 10 ns: the cubes of bonds, summed up over all splits.
        self.work = 0.0
        #: How much work it may do.
        self.most_work = math.inf
        #: The most singular values that a bond had.
        self.largest_bond = 1
        #: log of the product of the shares that were kept.
        self.log_kept = 0.0
        #: The sum of sqrt(2 - 2 sqrt(kept)): no farther is the state from the one without any cut.
        self.distance = 0.0

    def copy(self) -> MatrixProductState:
        """Return a state that changes by itself; the tensors themselves never change."""
        found = copy.copy(self)
        found.tensors, found.wire_at, found.site_of = self.tensors[:], self.wire_at[:], self.site_of[:]
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
            if len(gate.wires) == 1:
                site = self.site_of[gate.wires[0]]
                self._put(site, np.matmul(gate.matrix, self.tensors[site]))
            else:
                self._apply(gate, walks_back=walks_back)

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
        sites = sorted(self.site_of[wire] for wire in wires)
        merged = self._merged(sites[0], sites[-1])
        rows = merged.transpose(1, 0, 2).reshape(merged.shape[1], -1)
        found = tuple(self.wire_at[site] for site in reversed(sites))
        return reordered(rows @ rows.conj().T, found, wires)

    def apply(self, matrix: NDArray[Any], wires: tuple[int, ...]) -> None:
        """Multiply by any matrix on some wires, to a norm of 1; the first is a row's least significant bit."""
        self._apply(LocalGate(matrix, wires, "matrix"), walks_back=False)
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

    def _apply(self, gate: LocalGate, *, walks_back: bool) -> None:
        """Bring the wires of a gate together, at the leftmost of them, and do it."""
        swaps = self._gather(gate.wires)
        sites = sorted(self.site_of[wire] for wire in gate.wires)
        wanted = tuple(self.wire_at[site] for site in reversed(sites))
        self._act(reordered(gate.matrix, gate.wires, wanted), sites[0], len(sites))
        if walks_back:
            for site in reversed(swaps):
                self._swap(site)

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
        """Multiply neighbouring sites by a matrix; the leftmost is the most significant bit of its rows."""
        last = first + count - 1
        rightwards = self._centre <= first
        rest = np.matmul(matrix, self._merged(first, last))
        left_bond, _, right_bond = rest.shape
        if rightwards:
            for site in range(first, last):
                vectors, values, other = self._split(rest.reshape(2 * left_bond, -1))
                self._put(site, vectors.reshape(left_bond, 2, -1))
                left_bond, rest = values.size, values[:, None] * other
            self._put(last, rest.reshape(left_bond, 2, right_bond))
        else:
            for site in range(last, first, -1):
                other, values, vectors = self._split(rest.reshape(-1, 2 * right_bond))
                self._put(site, vectors.reshape(-1, 2, right_bond))
                right_bond, rest = values.size, other * values
            self._put(first, rest.reshape(left_bond, 2, right_bond))
        self._centre = last if rightwards else first

    def _merged(self, first: int, last: int) -> NDArray[Any]:
        """Return neighbouring sites, with the centre among them, as one tensor; the first is most significant."""
        self._walk(min(max(self._centre, first), last))
        merged = self.tensors[first]
        for tensor in self.tensors[first + 1 : last + 1]:
            merged = merged.reshape(-1, tensor.shape[0]) @ tensor.reshape(tensor.shape[0], -1)
        return merged.reshape(self.tensors[first].shape[0], -1, self.tensors[last].shape[2])

    def _narrow(self, site: int) -> None:
        """Give bonds as few values as the state has there, after something was projected at the centre.

        From the site on to both sides, as far as there are fewer: where a bond keeps all of its values, so do
        those beyond it.
        """
        while (bond := self.tensors[self._centre].shape[0]) > 1:
            tensor = self.tensors[self._centre]
            other, values, vectors = self._split(tensor.reshape(bond, -1))
            if values.size == bond:
                break
            self._put(self._centre, vectors.reshape(-1, 2, tensor.shape[2]))
            self._centre -= 1
            self._put(self._centre, self.tensors[self._centre] @ (other * values))
        self._walk(site)
        while (bond := self.tensors[self._centre].shape[2]) > 1:
            tensor = self.tensors[self._centre]
            vectors, values, other = self._split(tensor.reshape(-1, bond))
            if values.size == bond:
                break
            self._put(self._centre, vectors.reshape(tensor.shape[0], 2, -1))
            self._centre += 1
            after = self.tensors[self._centre].reshape(bond, -1)
            self._put(self._centre, ((values[:, None] * other) @ after).reshape(values.size, 2, -1))

    def _split(self, matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[Any]]:
        """Return a singular value decomposition, cut; the squares of its values sum up to as much as before."""
        self._checkpoint()
        rows, columns = matrix.shape
        self.work += _WORK_OF_A_SPLIT + rows * columns * min(rows, columns) / 8
        if self.work > self.most_work:
            raise OverBudgetError
        left, values, right = _svd(matrix)
        weights = values * values
        tails = weights[::-1].cumsum()[::-1]
        keep = int(np.count_nonzero(tails > self._cutoff * tails[0])) or 1
        if self._max_bond is not None:
            keep = min(keep, self._max_bond)
        self.largest_bond = max(self.largest_bond, keep)
        if keep < values.size:
            kept = min(1.0, weights[:keep].sum() / tails[0])
            self.log_kept += math.log(kept)
            self.distance += math.sqrt(2 - 2 * math.sqrt(kept))
            left, right = left[:, :keep], right[:keep]
            values = values[:keep] / math.sqrt(kept)
        return left, values, right

    def _put(self, site: int, tensor: NDArray[Any]) -> None:
        self._bytes += tensor.nbytes - self.tensors[site].nbytes
        if self._bytes > self.most_bytes:
            raise TooLargeError
        self.tensors[site] = tensor

    def _walk(self, site: int) -> None:
        """Bring the centre to a site."""
        while self._centre < site:
            tensor = self.tensors[self._centre]
            vectors, rest = self._factors(tensor.reshape(-1, tensor.shape[2]))
            self._put(self._centre, vectors.reshape(tensor.shape[0], 2, -1))
            self._centre += 1
            after = self.tensors[self._centre]
            self._put(self._centre, (rest @ after.reshape(after.shape[0], -1)).reshape(-1, 2, after.shape[2]))
        while self._centre > site:
            tensor = self.tensors[self._centre]
            vectors, rest = self._factors(tensor.reshape(tensor.shape[0], -1).conj().T)
            self._put(self._centre, vectors.conj().T.reshape(-1, 2, tensor.shape[2]))
            self._centre -= 1
            self._put(self._centre, self.tensors[self._centre] @ rest.conj().T)

    def _factors(self, matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        self._checkpoint()
        return np.linalg.qr(matrix)


def _svd(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[Any]]:
    try:
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
    except np.linalg.LinAlgError:
        # LAPACK's fast algorithm does not always converge; of the square, there are always eigenvectors.
        squares, vectors = np.linalg.eigh(matrix.conj().T @ matrix)
        keep = min(matrix.shape)
        values = np.sqrt(np.maximum(squares[::-1][:keep], 0))
        right = vectors[:, ::-1][:, :keep].conj().T
        left = matrix @ right.conj().T / np.maximum(values, np.finfo(float).tiny)
    return left, values, right
