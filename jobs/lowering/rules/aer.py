"""Aer's instructions that save or set a state, known by their names: Qiskit Aer need not be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from jobs.lowering.rules.definitions import lower_by_definition
from jobs.lowering.rules.noise import lower_channel
from jobs.lowering.scope import Rule, Scope
from simulator.circuit.array import Array
from simulator.circuit.instructions import Initialize, Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.saved import Saved

#: Aer's name of what is saved -> ours.
SAVES: Mapping[str, Saved] = MappingProxyType(
    {
        "save_statevector": "statevector",
        "save_density_matrix": "density_matrix",
        "save_probabilities": "probabilities",
        "save_probabilities_dict": "probability_distribution",
        "save_expval": "expectation_value",
        "save_expval_var": "expectation_value_variance",
    }
)
#: What else Aer has -> what there is instead.
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "save_state": "save_statevector",
        "save_statevector_dict": "save_statevector, and Statevector.to_dict() of it",
        "save_amplitudes": "save_statevector, and its entries",
        "save_amplitudes_sq": "save_probabilities, and its entries",
        "save_unitary": 'the backend "unitary_simulator"',
        "save_superop": 'the backend "unitary_simulator", of a circuit that has a unitary',
        "save_stabilizer": "save_statevector",
        "save_clifford": 'the backend "unitary_simulator"',
        "save_matrix_product_state": "save_statevector",
        "set_density_matrix": "set_statevector, or the option initial_statevector, of a pure state",
        "set_stabilizer": "set_statevector, or the Clifford as an instruction",
        "set_matrix_product_state": "set_statevector",
        "set_unitary": 'the option initial_unitary of the backend "unitary_simulator"',
        "set_superop": 'the option initial_unitary of the backend "unitary_simulator"',
    }
)
#: How Aer calls ways to save that are not taken -> the argument, and what there is instead.
_WAYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "c_": ("conditional=True", "an if_test around it, for each value that is wanted"),
        "list": (
            "pershot=True",
            "a list of copies of the circuit with shots=1, each of which has a seed of its own",
        ),
        "accum": ("unnormalized=True", "the mean, times how many shots pass it"),
    }
)


def save_name(save: Save) -> str:
    """Return the name that Aer has for what saves."""
    return next(name for name, what in SAVES.items() if what == save.what)


def _lower_other(operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    """Lower what has no rule of its own: an instruction of Aer's, or else whatever has a definition."""
    name = operation.name
    # A directive has no definition: so a user's own instruction of such a name is none of these.
    if not name.startswith(("save_", "set_")) or not getattr(operation, "_directive", False):
        if not lower_channel(operation, qubits, clbits, scope):
            lower_by_definition(operation, qubits, clbits, scope)
    elif scope.controls:
        raise scope.refusal(name, "it is inside a controlled gate, which must be unitary")
    elif name == "set_statevector":
        scope.out.append(Initialize(Array.of(np.asarray(operation.params[0], np.complex128)), qubits))
    elif name in SAVES:
        _refuse_ways(name, operation, scope)
        scope.out.append(_save(name, str(operation.label), operation.params, qubits))
    else:
        instead = _INSTEAD.get(name)
        raise scope.refusal(name, "nothing here does that" if instead is None else f"use {instead} instead")


def _refuse_ways(name: str, operation: Any, scope: Scope) -> None:
    way = str(getattr(operation, "_subtype", ""))
    for part, (argument, instead) in _WAYS.items():
        if part in way:
            raise scope.refusal(name, f"it has {argument}; use {instead}, instead")


def _save(name: str, key: str, params: Any, qubits: tuple[int, ...]) -> Save:
    what = SAVES[name]
    if not what.startswith("expectation"):
        return Save(what, key, qubits)
    # Each Pauli string with its coefficient in the operator, and in its square.
    terms = [(str(label)[::-1], *coefficients) for label, coefficients in params]
    # A qubit that none of them acts on need not be there.
    acted = [index for index in range(len(qubits)) if any(letters[index] != "I" for letters, *_ in terms)]
    terms = [("".join(letters[index] for index in acted), *both) for letters, *both in terms]
    sums = (0,) if what == "expectation_value" else (0, 1)
    return Save(
        what, key, tuple([qubits[index] for index in acted]), tuple(_pauli_sum(terms, each) for each in sums)
    )


def _pauli_sum(terms: Sequence[Any], which: int) -> PauliSum:
    """Return one of the sums: of the first or the second coefficients; of letters, the first is qubit 0's."""
    kept = [(letters, float(both[which])) for letters, *both in terms if both[which]]
    return PauliSum(
        tuple([_mask(letters, "XY") for letters, _ in kept]),
        tuple([_mask(letters, "ZY") for letters, _ in kept]),
        tuple([coefficient for _, coefficient in kept]),
    )


def _mask(letters: str, wanted: str) -> int:
    return sum(1 << bit for bit, letter in enumerate(letters) if letter in wanted)


#: In place of the rule for all that has none.
AER_RULES: Mapping[type, Rule] = MappingProxyType({object: _lower_other})
