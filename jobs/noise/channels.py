"""The channels that rates make: depolarizing and thermal relaxation. Each is made once.

The formulas are those of Aer's `depolarizing_error` and `thermal_relaxation_error`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import numpy as np

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus, Pauli, Step

#: A model has a handful of rates for each qubit and each pair of them.
_KEPT = 4096
_RESET = Kraus((0,), Array.of(np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]])))


@lru_cache(_KEPT)
def depolarizing(parameter: float, num_qubits: int) -> Channel:
    """Return rho -> (1 - parameter) rho + parameter 1/2^n, where ``parameter`` is at most 4^n / (4^n - 1)."""
    masks = range(1 << num_qubits)
    strings = [(Pauli(x, z),) for x, z in product(masks, masks) if x or z]
    each = parameter / (len(strings) + 1)
    # What rounding leaves below 0 at the largest parameter.
    nothing = max(0.0, 1 - len(strings) * each)
    return Channel(num_qubits, (nothing, *[each] * len(strings)), ((), *strings))


@lru_cache(_KEPT)
def thermal_relaxation(t1: float, t2: float, time: float, excited: float = 0.0) -> Channel:
    """Return what ``time`` does to a qubit of these T1 and T2, in one unit; T2 is at most 2 T1, inf is never.

    ``excited`` is the population of |1> in equilibrium. Where T2 is at most T1, it is a mixture of nothing, Z and
    resets; above, a state chooses among Kraus operators.
    """
    kept, coherent = math.exp(-time / t1), math.exp(-time / t2)
    to_zero, to_one = (1 - kept) * (1 - excited), (1 - kept) * excited
    if t2 > t1:
        return Channel(1, (1.0,), ((Kraus((0,), _damping(to_zero, to_one, coherent)),),))
    ways: dict[tuple[Step, ...], float] = {
        (): (kept + coherent) / 2,
        (Pauli(0, 1),): (kept - coherent) / 2,
        (_RESET,): to_zero,
        (_RESET, Pauli(1, 0)): to_one,
    }
    ways = {steps: probability for steps, probability in ways.items() if probability > 0}
    return Channel(1, tuple(ways.values()), tuple(ways))


def relaxed_fidelity(t1: float, t2: float, time: float) -> float:
    """Return the process fidelity of `thermal_relaxation` with doing nothing: the trace of its matrix, over 4."""
    return (1 + math.exp(-time / t1) + 2 * math.exp(-time / t2)) / 4


def _damping(to_zero: float, to_one: float, coherent: float) -> Array:
    """Return Kraus operators of the channel that takes the coherence to ``coherent`` of it.

    Its Choi matrix has a block of |00> and |11>, of which the eigenvectors are taken, and two entries alone.
    """
    values, vectors = np.linalg.eigh(np.array([[1 - to_one, coherent], [coherent, 1 - to_zero]]))
    operators = [
        np.diag(math.sqrt(value) * vector) for value, vector in zip(values, vectors.T, strict=True) if value > 0
    ]
    operators += [np.array([[0.0, math.sqrt(to_zero)], [0.0, 0.0]])] if to_zero else []
    operators += [np.array([[0.0, 0.0], [math.sqrt(to_one), 0.0]])] if to_one else []
    return Array.of(np.array(operators))
