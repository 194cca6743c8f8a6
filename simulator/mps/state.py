"""A matrix product state with one centre: left of it tensors are left-orthogonal, right of it right-orthogonal.

So the singular values at the centre are the Schmidt coefficients of the state, and what is cut off there is the
least that can be. A tensor has the axes (left bond, bit, right bond). Wires lie at sites; swaps move them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.mps.gates import LocalGate, reordered

#: Sites of a gate that waits for the next.
_PAIR = 2
#: Swaps two wires.
_SWAP = np.eye(4)[[0, 2, 1, 3]]
_NO_CHANGE = np.eye(4)
#: What Python and LAPACK take to begin a split, in units of `MatrixProductState.work`. Measured.
WORK_OF_A_SPLIT = 4000
#: A share of the weights that rounding leaves.
_NOTHING = 1e-30
#: Columns up to which NumPy's QR takes longer than its SVD. Measured.
_FEW_COLUMNS = 4


class OverBudgetError(Exception):
    """More work than this try may take."""


class TooLargeError(OverBudgetError):
    """More bytes than any try may take."""


class _Halves(NamedTuple):
    """Two neighbouring sites as a singular value decomposition of both."""

    #: The left one.
    site: int
    vectors: NDArray[Any]
    values: NDArray[np.float64]
    other: NDArray[Any]
    #: The two tensors, of which one has the values, too.
    tensors: list[NDArray[Any]]


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
        self.checkpoint = checkpoint
        self._bytes = sum(tensor.nbytes for tensor in self.tensors)
        self._centre = 0
        #: Left site of two neighbours -> what they are still to be multiplied by. No two of them share a site.
        self._pending: dict[int, NDArray[Any]] = {}
        #: What the last split left on two sites, and its factors.
        self._halves: _Halves | None = None
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
        """Return a state that changes by itself; nothing is pending. The tensors themselves never change."""
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

    def forget_split(self) -> None:
        """Be a function of the tensors: what the last split left beside them is of this history."""
        self._halves = None

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

    def _do(self, matrix: NDArray[Any], first: int, count: int) -> None:
        """Multiply neighbouring sites by a matrix, and split them; the centre is at one end of them then."""
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
            self._halves = _Halves(last - 1, vectors, values, other, self.tensors[last - 1 : last + 1])
        else:
            for site in range(last, first, -1):
                other, values, vectors = self._split(rest.reshape(-1, 2 * right_bond))
                self._put(site, vectors.reshape(-1, 2, right_bond))
                right_bond, rest = values.size, other * values
            self._put(first, rest.reshape(left_bond, 2, right_bond))
            self._halves = _Halves(first, other, values, vectors, self.tensors[first : first + 2])
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
        self.checkpoint()
        rows, columns = matrix.shape
        self.work += WORK_OF_A_SPLIT + rows * columns * min(rows, columns) / 8
        if self.work > self.most_work:
            raise OverBudgetError
        if matrix.shape == (2, 2) and (product := _as_product(matrix)) is not None:
            return product
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
        if self._centre != site and self._halves is not None:
            self._turn(rightwards=self._centre < site)
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

    def _turn(self, *, rightwards: bool) -> None:
        """Bring the centre over the bond of the last split, if it is beside it, and nothing has changed since."""
        left, vectors, values, other, made = cast("_Halves", self._halves)
        now = self.tensors[left : left + 2]
        if self._centre != left + (not rightwards) or now[0] is not made[0] or now[1] is not made[1]:
            return
        if rightwards:
            other = values[:, None] * other
        else:
            vectors = vectors * values
        self._put(left, vectors.reshape(now[0].shape[0], 2, -1))
        self._put(left + 1, other.reshape(-1, 2, now[1].shape[2]))
        self._centre = left + rightwards

    def _factors(self, matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return orthonormal columns, and what they are multiplied by to be the matrix."""
        self.checkpoint()
        columns = matrix.shape[1]
        if columns == 1:
            norm = math.sqrt(np.vdot(matrix, matrix).real)
            return matrix / norm, np.array([[norm]])
        if columns > _FEW_COLUMNS:
            return np.linalg.qr(matrix)
        left, values, right = _svd(matrix)
        return left, values[:, None] * right


def _as_product(
    matrix: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[Any]] | None:
    """Return the decomposition of a 2 x 2 matrix with one value; None: it has two that are more than rounding."""
    (a, b), (c, d) = matrix.tolist()
    first, second = abs(a) ** 2 + abs(c) ** 2, abs(b) ** 2 + abs(d) ** 2
    if abs(a * d - b * c) ** 2 > _NOTHING * (first + second) ** 2:
        return None
    column = matrix[:, 0] if first >= second else matrix[:, 1]
    left = column / math.sqrt(max(first, second))
    right = left.conj() @ matrix
    value = math.sqrt(np.vdot(right, right).real)
    return left[:, None], np.array([value]), (right / value)[None]


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
