"""Gates: what has a matrix that the Program can say without Qiskit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from qiskit.circuit import ControlledGate, Gate, QuantumCircuit, library
from qiskit.circuit.library import (
    CUGate,
    DiagonalGate,
    MCXVChain,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.exceptions import QiskitError
from qiskit.synthesis import LieTrotter, SuzukiTrotter

from jobs.lowering.rules.definitions import lower_by_definition
from jobs.lowering.scope import Rule, Scope
from jobs.lowering.standard import STANDARD_GATES, add_rotation, add_standard, add_unitary
from jobs.lowering.walk import add_phase, lower_definition, lower_operation
from simulator.circuit.array import Array
from simulator.circuit.instructions import Diagonal, Permutation, Unitary

#: A diagonal under controls is a dense matrix up to this width, and Qiskit's decomposition beyond it.
_DENSE_QUBITS = 6


def _standard(name: str, gate: Gate, qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    add_standard(name, gate.params, qubits, scope)


def _controlled(gate: ControlledGate, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    """Lower the base gate under the gate's controls, whatever the base is."""
    count, base = gate.num_ctrl_qubits, gate.base_gate
    if base is None or count + base.num_qubits != gate.num_qubits:
        # Several targets (MCMT), or ancillas whose state decides what the gate does (MCXRecursive).
        lower_by_definition(gate, qubits, clbits, scope)
    else:
        lower_operation(base, qubits[count:], (), scope.controlled(qubits[:count], gate.ctrl_state))


def _cu(gate: CUGate, qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    # The base gate is u, without the phase of cu's fourth parameter.
    add_standard("u", list(gate.params), qubits[1:], scope.controlled(qubits[:1], gate.ctrl_state))


def _mcx_v_chain(gate: MCXVChain, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    # By its definition: it may be exact only up to phases, or only for clean ancillas. That of one which needs no
    # ancilla does not have them.
    definition = gate.definition
    if isinstance(definition, QuantumCircuit) and definition.num_qubits < len(qubits):
        lower_definition(definition, qubits[: definition.num_qubits], clbits, scope)
    else:
        lower_by_definition(gate, qubits, clbits, scope)


def _unitary(gate: UnitaryGate, qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    add_unitary(np.asarray(gate.params[0]), gate.label, qubits, scope)


def _diagonal(gate: DiagonalGate, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    entries = np.asarray(gate.params, np.complex128)
    if not scope.controls:
        scope.out.append(Diagonal(Array.of(entries), qubits))
    elif len(qubits) <= _DENSE_QUBITS:
        matrix = Array.of(np.diag(entries))
        scope.out.append(Unitary(matrix, qubits, scope.controls, scope.control_state))
    else:
        lower_by_definition(gate, qubits, clbits, scope)


def _permutation(gate: PermutationGate, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    if scope.controls:
        lower_by_definition(gate, qubits, clbits, scope)
    else:
        # Qubit pattern[k] goes to index k.
        sources = tuple(qubits[int(index)] for index in gate.pattern)
        scope.out.append(Permutation(qubits, sources))


def _pauli(gate: PauliGate, qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    # The last letter is that of the first qubit.
    for letter, qubit in zip(reversed(gate.params[0]), qubits, strict=True):
        if letter != "I":
            scope.add_gate(letter.lower(), (qubit,))


def _pauli_evolution(
    gate: PauliEvolutionGate, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope
) -> None:
    """Lower the rotations of a product formula as what they are, and not as ladders of CX."""
    rotations = None if scope.controls else _rotations(gate)
    if rotations is None:
        lower_by_definition(gate, qubits, clbits, scope)
        return
    for letters, indices, angle in rotations:
        if letters:
            add_rotation(gate.name, letters, angle, tuple([qubits[index] for index in indices]), scope)
        else:
            add_phase(angle * -0.5, scope)


def _rotations(gate: PauliEvolutionGate) -> list[tuple[str, Sequence[int], Any]] | None:
    """Return the Pauli strings that an evolution rotates about, in order, with their angles.

    None where its definition is something else: a synthesis of the user's own, or projectors among the strings.
    """
    synthesis = gate.synthesis
    if type(gate) is not PauliEvolutionGate or type(synthesis) not in {LieTrotter, SuzukiTrotter}:
        return None
    if synthesis.atomic_evolution is not None:
        return None
    try:
        rotations = list(synthesis.expand(gate))
    except (QiskitError, ValueError, TypeError, IndexError):
        return None  # its definition says what is wrong
    return rotations if all(set(letters) <= set("XYZ") for letters, _, _ in rotations) else None


def _product_rotation(gate: Any, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    # The last letter is that of the first qubit; a sign of the string is in the angle.
    pairs = zip(reversed(gate.pauli().to_label()), qubits, strict=True)
    named = [(letter, qubit) for letter, qubit in pairs if letter != "I"]
    if scope.controls or not named:
        lower_by_definition(gate, qubits, clbits, scope)
        return
    letters, targets = zip(*named, strict=True)
    add_rotation(gate.name, "".join(letters), gate.params[0], targets, scope)


def _standard_rules() -> dict[type, Rule]:
    """One rule a class; gates with controls of their own come as `ControlledGate`, whatever their state."""
    gates = get_standard_gate_name_mapping()
    return {
        gates[name].base_class: partial(_standard, name)
        for name, (_, controls) in STANDARD_GATES.items()
        if controls == 0
    }


#: Of classes that only later versions of Qiskit have.
_LATER_RULES: Mapping[str, Rule] = MappingProxyType({"PauliProductRotationGate": _product_rotation})

GATE_RULES: Mapping[type, Rule] = MappingProxyType(
    _standard_rules()
    | {
        ControlledGate: _controlled,
        CUGate: _cu,
        MCXVChain: _mcx_v_chain,
        UnitaryGate: _unitary,
        DiagonalGate: _diagonal,
        PermutationGate: _permutation,
        PauliGate: _pauli,
        PauliEvolutionGate: _pauli_evolution,
    }
    | {getattr(library, name): rule for name, rule in _LATER_RULES.items() if hasattr(library, name)}
)
