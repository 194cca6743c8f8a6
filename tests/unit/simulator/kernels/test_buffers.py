"""Memory that is used again."""

from __future__ import annotations

import numpy as np

from simulator.kernels import buffers

SIZE = 1 << 17


def test_a_buffer_is_used_again_when_nobody_has_it() -> None:
    """The next state of this size has the same memory, and finds zeros in it."""
    first = buffers.zeros(SIZE, np.complex128)
    address = first.ctypes.data
    first[:] = 7
    del first
    second = buffers.zeros(SIZE, np.complex128)
    assert second.ctypes.data == address
    assert not second.any()


def test_memory_that_someone_has_is_left_alone() -> None:
    """Any view of a state that was given away keeps its memory."""
    first = buffers.zeros(SIZE, np.complex128)
    first[:] = 7
    view = first.reshape(2, -1)[1]
    del first
    second = buffers.zeros(SIZE, np.complex128)
    second[:] = 1
    assert (view == 7).all()
    third = buffers.zeros(SIZE, np.complex128)
    assert (second == 1).all()
    assert not np.shares_memory(second, third)


def test_another_type() -> None:
    """Memory of as many bytes serves numbers of any type."""
    assert buffers.zeros(SIZE, np.complex128).nbytes == buffers.zeros(2 * SIZE, np.float64).nbytes
    reals = buffers.zeros(2 * SIZE, np.float64)
    assert reals.dtype == np.float64
    assert not reals.any()
