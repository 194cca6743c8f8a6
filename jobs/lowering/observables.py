"""Qiskit's observables -> sums of Pauli strings: operators, Paulis, labels, mappings from labels to numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import SparseObservable

from jobs.errors import LoweringError
from simulator.circuit.pauli_sum import MASK_BITS, Mask, PauliSum, mask_of

#: Strings that projectors (0, 1, +, -, r, l) of one observable may become: k of them in a term are 2^k strings.
_MOST_STRINGS = 1 << 20
#: What bits Qiskit's letters have: X is 2, Z is 1, Y both; projectors have a third one.
_X, _Z = 2, 1
_LARGEST_PAULI = 3


def pauli_sum(observable: Any) -> PauliSum:
    """Return an observable as data; whatever an `EstimatorPub` takes for one is taken.

    Raises LoweringError where it is none, or is not Hermitian.
    """
    try:
        # It adds up equal strings, and refuses what is not Hermitian.
        sparse: SparseObservable = ObservablesArray.coerce_observable(observable)
    except (TypeError, ValueError) as error:
        raise LoweringError(
            f"no observable: {observable!r:.200}: {error}; give a label, a Pauli, a SparsePauliOp, a "
            "SparseObservable, or a dict from labels to real numbers"
        ) from error
    if max(sparse.bit_terms, default=0) > _LARGEST_PAULI:
        sparse = _without_projectors(sparse)
    return PauliSum(
        x=_masks(sparse, _X),
        z=_masks(sparse, _Z),
        coefficients=tuple(np.real(sparse.coeffs).tolist()),
    )


def _masks(sparse: SparseObservable, part: int) -> tuple[Mask, ...]:
    """Return the mask of each term's qubits whose letter has this bit."""
    has = np.asarray(sparse.bit_terms) & part != 0
    qubits, boundaries = np.asarray(sparse.indices, np.int64), np.asarray(sparse.boundaries, np.intp)
    # A term has each qubit once at most, so that a sum of bits is their mask.
    if qubits.size and qubits.max() >= MASK_BITS:
        of_term = [qubits[start:end][has[start:end]].tolist() for start, end in pairwise(boundaries.tolist())]
        return tuple([mask_of(sum(1 << qubit for qubit in some)) for some in of_term])
    sums = np.concatenate([[0], (has.astype(np.int64) << qubits).cumsum()])
    return tuple(np.diff(sums.take(boundaries)).tolist())


def _without_projectors(sparse: SparseObservable) -> SparseObservable:
    """Return the observable with each projector as half a sum of the identity and a Pauli."""
    sums = np.concatenate([[0], (np.asarray(sparse.bit_terms) > _LARGEST_PAULI).cumsum()])
    strings = float(np.sum(2.0 ** np.diff(sums.take(np.asarray(sparse.boundaries, np.intp)))))
    if strings > _MOST_STRINGS:
        raise LoweringError(
            f"an observable's projectors are {strings:.3g} Pauli strings, more than the {_MOST_STRINGS} that one "
            "may have: use fewer projectors in a term, or measure those qubits"
        )
    return sparse.as_paulis()
