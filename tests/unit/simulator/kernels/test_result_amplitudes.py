"""Amplitudes of results."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support.programs import random_vector

from simulator.kernels import buffers
from simulator.kernels.result_amplitudes import to_complex
from simulator.kernels.threads import use_threads
from simulator.monitor import no_checkpoint
from simulator.tuning import Tuning

#: Pieces so small that there are many.
SMALL = Tuning(piece_bits=3)


@pytest.fixture(autouse=True, params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """One thread, and two."""
    use_threads(request.param)
    yield
    use_threads(None)


@pytest.mark.parametrize("num_qubits", [0, 2, 3, 9])
@pytest.mark.parametrize("room", [np.complex128, None])
def test_real_amplitudes_become_complex(num_qubits: int, room: type | None) -> None:
    """Real amplitudes become complex, in the same memory where there is room."""
    psi = buffers.zeros(1 << num_qubits, np.float64, room)
    psi[:] = random_vector(1, num_qubits).real
    expected = psi * 1j
    result = to_complex(psi, np.complex128, 1j, 0.0, no_checkpoint, SMALL)
    assert result.dtype == np.complex128
    np.testing.assert_array_equal(result, expected)
    assert np.shares_memory(result, psi) == (room is not None)


def test_a_wide_state_has_room() -> None:
    """So it is with the large buffer that is kept."""
    psi = buffers.zeros(1 << 17, np.float32, np.complex64)
    psi[:] = np.arange(1 << 17)
    result = to_complex(psi, np.complex64, 1, 0.0, no_checkpoint, SMALL)
    np.testing.assert_array_equal(result, np.arange(1 << 17))
    assert result.base is psi.base


def test_small_ones_are_zero() -> None:
    """Amplitudes of a smaller absolute value than the threshold are 0, in place; the others stay."""
    psi = np.array([0.1, 0.2j, 0.09 + 0.09j, 0.05, -0.3j, 0, 1e-9, 1] * 4)
    result = to_complex(psi, np.complex128, 1, 0.1, no_checkpoint, SMALL)
    assert result is psi
    np.testing.assert_array_equal(result, [0.1, 0.2j, 0.09 + 0.09j, 0, -0.3j, 0, 0, 1] * 4)


def test_a_checkpoint_for_each_piece() -> None:
    """The checkpoint is called before each piece that this thread takes."""
    use_threads(1)
    calls: list[int] = []
    to_complex(np.ones(32), np.complex128, 1, 0.0, lambda: calls.append(1), SMALL)
    assert len(calls) == 4
