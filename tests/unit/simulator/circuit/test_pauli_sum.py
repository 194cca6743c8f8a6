"""Masks of any width, in sums of Pauli strings, and on the wire."""

from __future__ import annotations

import pytest
from qiskit.quantum_info import SparseObservable, SparsePauliOp
from support.programs import everywhere, program

from jobs.lowering import pauli_sum
from jobs.rebuilding import rebuild_observable
from simulator.circuit.pauli_sum import MASK_BITS, PauliSum, mask_of, numbers
from simulator.errors import InvalidProgramError
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.shard import Experiment, Shard

WIDTHS = (1, 61, 62, 63, 64, 65, 127, 128, 129, 1000)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_mask_is_its_number(width: int) -> None:
    """Narrow masks are numbers, wide ones bytes, and `numbers` gives back what they were made of."""
    found = [(1 << width) - 1, 1 << (width - 1), 0]
    masks = tuple(map(mask_of, found))
    assert list(numbers(masks)) == found
    assert isinstance(masks[0], int) == (width <= MASK_BITS)
    assert PauliSum(masks, masks, (1.0,) * 3) == PauliSum(masks, masks, (1.0,) * 3)


@pytest.mark.parametrize(
    "mask", [b"", b"\1", b"\xff" * 7, b"\0" * 8 + b"\0", (1 << 61).to_bytes(8, "little"), 1 << 62]
)
def test_one_set_of_qubits_has_one_mask(mask: int | bytes) -> None:
    """Bytes where a number would do, or more bytes than it takes, and too wide a number are refused."""
    for masks in (((mask,), (0,)), ((1 << 61,), (mask,))):
        with pytest.raises(InvalidProgramError, match="not needed"):
            PauliSum(*masks, (1.0,))


@pytest.mark.rule(36)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_goes_round(width: int) -> None:
    """A shard with observables on the highest qubit is the same after the wire."""
    masks = tuple(map(mask_of, (1 << (width - 1), 0, (1 << width) - 1)))
    experiment = Experiment(0, 1, program(width, 0), observables=(PauliSum(masks, masks[::-1], (1.0, -0.5, 2.0)),))
    shard = Shard(Options("counts", 1, expectations=True), (experiment,))
    assert wire.decode_shard(wire.encode(shard)) == shard


@pytest.mark.parametrize("width", WIDTHS)
def test_a_string_on_a_qubit_that_is_not_there_is_refused(width: int) -> None:
    """The qubit and the circuit's width are named."""
    of = PauliSum((mask_of(1 << width),), (0,), (1.0,))
    with pytest.raises(InvalidProgramError, match=f"acts on qubit {width}; there are {width} qubits"):
        Experiment(0, 1, program(width, 0, *everywhere(1)), observables=(of,))


@pytest.mark.parametrize("width", WIDTHS)
def test_an_operator_of_any_width(width: int) -> None:
    """What is lowered is the operator again when it is rebuilt."""
    ends = [0, width - 1] if width > 1 else [0]
    terms = [("YX"[: len(ends)], ends, 0.5), ("Z", [width - 1], -1.0), ("Y", [width // 2], 2.0), ("", [], 3.0)]
    operator = SparsePauliOp.from_sparse_list(terms, width).simplify()
    assert rebuild_observable(pauli_sum(operator), width).simplify().equiv(operator)


def test_projectors_of_any_width() -> None:
    """A projector on qubit 999 is two strings."""
    found = pauli_sum(SparseObservable.from_sparse_list([("0", [999], 1.0)], 1000))
    assert sorted(zip(map(int, numbers(found.x)), numbers(found.z), found.coefficients, strict=True)) == [
        (0, 0, 0.5),
        (0, 1 << 999, 0.5),
    ]
