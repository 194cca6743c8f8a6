"""Powers that no repetition gives, and inverses of them: of the matrix of what an operation is lowered to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

import simulator
from jobs.lowering.scope import Scope
from jobs.lowering.standard import add_unitary
from jobs.lowering.walk import lower_operation
from simulator.circuit.instructions import Barrier, Delay, Diagonal, Gate, Instruction, Permutation, Unitary
from simulator.circuit.program import Header
from simulator.circuit.traversal import qubits_of

#: Qubits of the widest matrix that is built.
MAX_MATRIX_QUBITS = 6
#: Angles that are as close to -pi are on the other side of the cut, as `Operator.power` has it.
_CUT = np.pi * 1e-12


def lower_power(name: str, base: Any, powers: Sequence[float], qubits: tuple[int, ...], scope: Scope) -> None:
    """Add an operation raised to one power after another; an inverse is the power -1.

    Controls that all gates of the operation have in common stay controls: they commute with powers.
    """
    if base.num_clbits:
        raise scope.refusal(name, f'"{base.name}" is not unitary, so it has no inverse and no power')
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
    index_of = {qubit: index for index, qubit in enumerate(targets)}
    program = simulator.Program(len(targets), 0, tuple([_moved(each, index_of) for each in gates]), Header(name))
    matrix = _powers_of(simulator.run(program, output="unitary", seed=0).state, powers)
    state = sum(value << index for index, value in enumerate(controls.values()))
    controlled = scope.controlled(tuple([qubits[control] for control in controls]), state)
    add_unitary(matrix, None, tuple([qubits[target] for target in targets]), controlled)


def _powers_of(unitary: Any, powers: Sequence[float]) -> NDArray[np.complex128]:
    """Return a unitary raised to powers, each with the principal root, as `qiskit.quantum_info.Operator.power`.

    A power of another power's matrix has its eigenvectors, so one decomposition serves for all.
    """
    # As late as it is needed: it takes long to import.
    from scipy.linalg import schur

    triangle, vectors = schur(unitary, output="complex")
    angles = np.angle(triangle.diagonal())
    for power in powers:
        # Each angle within -pi and pi, of which -pi, but for rounding, counts as pi.
        angles = power * (np.angle(np.exp(1j * (angles - _CUT))) + _CUT)
    found: NDArray[np.complex128] = (vectors * np.exp(1j * angles)) @ vectors.conj().T
    return found


def _controls(instruction: Instruction) -> set[tuple[int, int]]:
    """Return the controls, each with the value that it must have."""
    if not isinstance(instruction, (Gate, Unitary)):
        return set()
    state = instruction.control_state
    return {
        (qubit, 1 if state is None else state >> index & 1) for index, qubit in enumerate(instruction.controls)
    }


def _moved(instruction: Instruction, index_of: Mapping[int, int]) -> Instruction:
    """Return an instruction on other qubits; it loses the controls that have no index."""
    changed: dict[str, Any] = {}
    for field in ("targets", "sources"):
        if hasattr(instruction, field):
            changed[field] = tuple([index_of[qubit] for qubit in getattr(instruction, field)])
    if isinstance(instruction, (Gate, Unitary)):
        kept = [(qubit, value) for qubit, value in _controls(instruction) if qubit in index_of]
        changed["controls"] = tuple([index_of[qubit] for qubit, _ in kept])
        changed["control_state"] = sum(value << index for index, (_, value) in enumerate(kept))
    return msgspec.structs.replace(instruction, **changed)
