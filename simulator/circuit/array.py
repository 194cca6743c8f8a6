"""An ndarray as data that travels."""

from __future__ import annotations

import math
import sys
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import slices

#: What an array may have, little-endian.
DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(f"<{name}") for name in ("c16", "c8", "f8", "u1", "u2", "u4", "u8")
}
#: Types whose bytes are doubles.
_OF_DOUBLES = frozenset({"c16", "f8"})
#: Up to so many bytes, a sum of doubles takes less time than NumPy does to begin.
_FEW_BYTES = 512 if sys.byteorder == "little" else 0


class Array(msgspec.Struct, frozen=True, array_like=True):
    """An ndarray as bytes: little-endian, C order."""

    #: "c16", "c8", "f8", or for counts "u1", "u2", "u4" or "u8".
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        dtype = DTYPES.get(self.dtype)
        if dtype is None:
            raise InvalidProgramError(f"array of unknown type {self.dtype!r}; known: {', '.join(DTYPES)}")
        shape = self.shape
        if math.prod(shape) * dtype.itemsize != len(self.data) or (shape and min(shape) < 0):
            raise InvalidProgramError(f"an array of {len(self.data)} bytes does not have shape {shape}")

    @classmethod
    def of(cls, array: NDArray[np.generic]) -> Array:
        """Copy an ndarray; any complex, real or int dtype becomes one that travels."""
        if array.dtype == DTYPES["c16"]:
            return cls("c16", array.shape, array.tobytes())
        dtype = "f8" if array.dtype.kind != "c" else "c8" if array.dtype == np.complex64 else "c16"
        return cls(dtype, array.shape, np.ascontiguousarray(array, DTYPES[dtype]).tobytes())

    @classmethod
    def counting(cls, numbers: NDArray[np.integer[Any]], checkpoint: Checkpoint = no_checkpoint) -> Array:
        """Copy whole numbers of at least 0, in the smallest type that holds them. Looks at ``checkpoint``."""
        flat = numbers.reshape(-1)
        most = max((int(flat[some].max()) for some in slices(flat.size, checkpoint)), default=0)
        dtype = np.min_scalar_type(most).newbyteorder("<")
        found = np.empty(flat.size, dtype)
        for some in slices(flat.size, checkpoint):
            found[some] = flat[some]
        return cls(dtype.str[1:], numbers.shape, _viewed(found))

    @classmethod
    def over(cls, array: NDArray[np.complexfloating]) -> Array:
        """Refer to a complex ndarray, which nobody may change any more; no copy where it lies as it travels."""
        dtype = "c8" if array.dtype == np.complex64 else "c16"
        return cls(dtype, array.shape, _viewed(np.ascontiguousarray(array, DTYPES[dtype])))

    def ndarray(self) -> NDArray[np.generic]:
        """Return a read-only view of the bytes, shaped."""
        return np.frombuffer(self.data, DTYPES[self.dtype]).reshape(self.shape)


def check_entries(what: str, array: Array, shape: tuple[int, ...]) -> None:
    """Raise InvalidProgramError where an array has another shape, or an entry that is not finite."""
    if array.shape != shape:
        raise InvalidProgramError(f"{what} has shape {array.shape}; its qubits ask for {shape}")
    data, dtype = array.data, array.dtype
    if len(data) <= _FEW_BYTES and dtype in _OF_DOUBLES and math.isfinite(sum(memoryview(data).cast("d"))):
        return
    entries = np.frombuffer(data, DTYPES[dtype])
    # Counted, since `all` takes several times as long of a matrix as small as most are.
    if np.count_nonzero(np.isfinite(entries)) != entries.size:
        raise InvalidProgramError(f"{what} has entries that are not finite")


def _viewed(array: NDArray[Any]) -> bytes:
    """Return the bytes of an array, without a copy: a view of bytes travels, compares and is read as bytes are."""
    return cast("bytes", array.reshape(-1).view(np.uint8).data.toreadonly())
