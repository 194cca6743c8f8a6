"""Instructions are checked when they are built."""

from __future__ import annotations

import numpy as np
import pytest
from support.programs import program

from simulator.circuit.array import Array
from simulator.circuit.instructions import Diagonal, Measure
from simulator.errors import InvalidProgramError
from simulator.typing import Amplitudes

SIZES = [1, 4, 5, 8]  # 32 bytes to 4 KiB: they are summed, or looked at one by one


def diagonal(entries: Amplitudes) -> Diagonal:
    return Diagonal(Array.of(entries), tuple(range(entries.size.bit_length() - 1)))


@pytest.mark.rule(36)
@pytest.mark.parametrize("dtype", [np.complex128, np.complex64, np.float64])
@pytest.mark.parametrize("num_qubits", SIZES)
@pytest.mark.parametrize("bad", [(np.nan,), (np.inf,), (-np.inf,), (np.inf, -np.inf)])
def test_entries_that_are_not_finite_are_refused(bad: tuple[float, ...], num_qubits: int, dtype: type) -> None:
    """Wherever they are in an array, of whatever size and type."""
    for place in {0, (1 << num_qubits) - len(bad)}:
        entries = np.ones(1 << num_qubits, dtype)
        entries[place : place + len(bad)] = bad
        with pytest.raises(InvalidProgramError, match="diagonal has entries that are not finite"):
            diagonal(entries)


@pytest.mark.parametrize("num_qubits", SIZES)
def test_entries_whose_sum_is_too_large_are_finite(num_qubits: int) -> None:
    """It is each entry that must be finite."""
    assert diagonal(np.full(1 << num_qubits, 1.7e308))
    assert diagonal(np.full(1 << num_qubits, 1.7e308 - 1.7e308j))


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    "shape", [(-1,), (-2, -1), (3,), (2, 2), (), (1, -2)], ids=lambda shape: "x".join(map(str, shape)) or "none"
)
def test_a_shape_that_the_bytes_do_not_have_is_refused(shape: tuple[int, ...]) -> None:
    """Nor may a side be negative, though two of them would fit."""
    with pytest.raises(InvalidProgramError, match="an array of 16 bytes does not have shape"):
        Array("f8", shape, bytes(16))


@pytest.mark.rule(36)
@pytest.mark.parametrize(("measure", "message"), [(Measure(0, 2), "clbit 2"), (Measure(0, -1), "clbit -1")])
def test_measurements_name_clbits_that_exist(measure: Measure, message: str) -> None:
    """A measurement into a clbit that the circuit does not have makes no program."""
    with pytest.raises(InvalidProgramError, match=f"{message}; the circuit has 2"):
        program(1, 2, measure)
