"""A chain of tensors with one centre: left of it they are left-orthogonal, right of it right-orthogonal.

So the singular values at the centre are the Schmidt coefficients of the state, and what is cut off there is the
least that can be. A tensor has the axes (left bond, bit, right bond).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint

#: What Python and LAPACK take to begin a split, in units of `CentredTensors.work`. Measured.
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


class CentredTensors:
    """Tensors of bits that are all 0 at first.

    Args:
        count: how many.
        max_bond: most singular values that a bond keeps; None: as many as there are.
        cutoff: the smallest singular values whose squares sum up to no more than this share are cut off.
        most_bytes: the bytes that all may have.
        checkpoint: called before each split.

    Raises OverBudgetError in anything that changes them.
    """

    def __init__(
        self, count: int, *, max_bond: int | None, cutoff: float, most_bytes: int, checkpoint: Checkpoint
    ) -> None:
        self.tensors: list[NDArray[Any]] = [np.array([[[1.0], [0.0]]]) for _ in range(count)]
        self._max_bond, self._cutoff = max_bond, cutoff
        #: The bytes that the tensors may have.
        self.most_bytes = most_bytes
        self.checkpoint = checkpoint
        self._bytes = sum(tensor.nbytes for tensor in self.tensors)
        self._centre = 0
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

    def forget_split(self) -> None:
        """Be a function of the tensors: what the last split left beside them is of this history."""
        self._halves = None

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
