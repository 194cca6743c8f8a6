"""Powers that no repetition gives, and inverses of them: of the matrix of what an operation is lowered to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from qiskit.circuit import InverseModifier, PowerModifier
from qiskit.circuit.annotated_operation import Modifier
from qiskit.quantum_info import Operator

import simulator
from jobs.lowering.scope import Scope
from jobs.lowering.standard import add_unitary
from jobs.lowering.walk import lower_operation
from simulator.contents import qubits_of
from simulator.instructions import Barrier, Delay, Diagonal, Gate, Instruction, Permutation, Unitary
from simulator.program import Header

#: Qubits of the widest matrix that is built.
MAX_MATRIX_QUBITS = 6


def lower_power(
    name: str, base: Any, modifiers: Sequence[Modifier], qubits: tuple[int, ...], scope: Scope
) -> None:
    """Add an operation under inverses and powers, in their order: each is the matrix's, with the principal root.

    Controls that all gates of the operation have in common stay controls: they commute with powers.
    """
    inside = scope.apart()
    lower_operation(base, tuple(range(len(qubits))), (), inside)
    gates = [each for each in inside.out if not isinstance(each, (Barrier, Delay))]
    if not all(isinstance(each, (Gate, Unitary, Diagonal, Permutation)) for each in gates):
        raise scope.refusal(name, f'"{base.name}" is not unitary, so it has no inverse and no power')
    controls = dict(set.intersection(*map(_controls, gates))) if gates else {}
    targets = sorted({qubit for each in gates for qubit in qubits_of(each)} - controls.keys())
    if len(targets) > MAX_MATRIX_QUBITS:
        raise scope.refusal(
            name,
            f'such a power of "{base.name}" needs a matrix of {len(targets)} qubits, and one is built of at most '
            f"{MAX_MATRIX_QUBITS}; use powers that are whole numbers, or define the gate that is meant",
        )
    places = {qubit: place for place, qubit in enumerate(targets)}
    program = simulator.Program(len(targets), 0, tuple([_moved(each, places) for each in gates]), Header(name))
    operator = Operator(simulator.run(program, method="unitary", seed=0).state)
    for modifier in modifiers:
        if isinstance(modifier, InverseModifier):
            operator = operator.adjoint()
        elif isinstance(modifier, PowerModifier):
            operator = operator.power(modifier.power)
    state = sum(value << place for place, value in enumerate(controls.values()))
    controlled = scope.controlled(tuple([qubits[control] for control in controls]), state)
    add_unitary(operator.data, None, tuple([qubits[target] for target in targets]), controlled)


def _controls(instruction: Instruction) -> set[tuple[int, int]]:
    """Return the controls, each with the value that it must have."""
    if not isinstance(instruction, (Gate, Unitary)):
        return set()
    state = instruction.control_state
    return {
        (qubit, 1 if state is None else state >> place & 1) for place, qubit in enumerate(instruction.controls)
    }


def _moved(instruction: Instruction, places: Mapping[int, int]) -> Instruction:
    """Return an instruction on other qubits; it loses the controls that have no place."""
    changed: dict[str, Any] = {}
    for field in ("targets", "sources"):
        if hasattr(instruction, field):
            changed[field] = tuple([places[qubit] for qubit in getattr(instruction, field)])
    if isinstance(instruction, (Gate, Unitary)):
        kept = [(qubit, value) for qubit, value in _controls(instruction) if qubit in places]
        changed["controls"] = tuple([places[qubit] for qubit, _ in kept])
        changed["control_state"] = sum(value << place for place, (_, value) in enumerate(kept))
    return msgspec.structs.replace(instruction, **changed)
