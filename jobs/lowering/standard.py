"""The standard gates of Qiskit: each is a gate of `simulator.circuit.gates.GATES` and a number of controls."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from jobs.lowering.scope import Scope
from simulator.circuit.array import Array
from simulator.circuit.gates import GATES
from simulator.circuit.instructions import Gate, Unitary

#: Name of a standard gate -> name in GATES, number of controls (all must be 1). The controls come first.
STANDARD_GATES = MappingProxyType(
    {name: (name, 0) for name in GATES}
    | {
        "cx": ("x", 1),
        "cy": ("y", 1),
        "cz": ("z", 1),
        "ch": ("h", 1),
        "cs": ("s", 1),
        "csdg": ("sdg", 1),
        "csx": ("sx", 1),
        "cp": ("p", 1),
        "crx": ("rx", 1),
        "cry": ("ry", 1),
        "crz": ("rz", 1),
        "cu": ("u", 1),
        "cu1": ("u1", 1),
        "cu3": ("u3", 1),
        "cswap": ("swap", 1),
        "ccx": ("x", 2),
        "ccz": ("z", 2),
        "mcx": ("x", 3),
        "c3sx": ("sx", 3),
    }
)
#: Those that have no parameters.
CONSTANT_GATES = frozenset(name for name, (base, _) in STANDARD_GATES.items() if GATES[base].num_params == 0)
#: The others, with the number of their parameters; but for cu, which has a phase of its own.
ANGLE_GATES = {
    name: (base, count, GATES[base].num_params)
    for name, (base, count) in STANDARD_GATES.items()
    if name not in CONSTANT_GATES and name != "cu"
}
#: cu(theta, phi, lambda, gamma) is a controlled u and a controlled phase gamma.
_CU_PARAMS = 4


def constant_gate(name: str, qubits: tuple[int, ...], scope: Scope) -> Gate:
    """Return the standard gate of this name, which has no parameters, controls first in ``qubits``."""
    base, count = STANDARD_GATES[name]
    return scope.gate(base, qubits[count:], (), qubits[:count])


def add_standard(name: str, params: Sequence[Any], qubits: tuple[int, ...], scope: Scope) -> None:
    """Add the standard gate of this name, controls first in ``qubits``."""
    base, count = STANDARD_GATES[name]
    _add(name, base, count, params, qubits, scope)


def add_rotation(name: str, letters: str, angle: Any, qubits: tuple[int, ...], scope: Scope) -> None:
    """Add exp(-i angle/2 P) for a Pauli string P: letters out of "XYZ", the first qubit's first.

    ``name`` is that of the instruction that it is of.
    """
    _add(name, f"r{letters.lower()}", 0, [angle], qubits, scope)


def _add(name: str, base: str, count: int, params: Sequence[Any], qubits: tuple[int, ...], scope: Scope) -> None:
    """Add a gate with so many controls, which come first in ``qubits``."""
    unbound: dict[int, Any] = {}
    try:
        angles = tuple(map(float, params))
    except (TypeError, ValueError, OverflowError) as error:
        unbound = {index: number for index, number in enumerate(params) if scope.may_stay_unbound(number)}
        try:
            angles = tuple([0.0 if index in unbound else float(number) for index, number in enumerate(params)])
        except (TypeError, ValueError, OverflowError):
            raise scope.refusal(name, f"its parameters {list(params)} are not real numbers") from error
    phase, unbound_phase = 0.0, None
    if base == "u" and len(angles) == _CU_PARAMS:
        # Also of a plain u: cu.control() leaves its fourth parameter on the base gate.
        *angles3, phase = angles
        angles, unbound_phase = tuple(angles3), unbound.pop(_CU_PARAMS - 1, None)
    for index, number in unbound.items():
        scope.leave_unbound(index, number)
    targets, controls = (qubits[count:], qubits[:count]) if count else (qubits, ())
    scope.out.append(
        scope.gate(base, targets, angles, controls) if scope.controls else Gate(base, targets, angles, controls)
    )
    if unbound_phase is not None:
        scope.leave_unbound(0, unbound_phase)
    if phase or unbound_phase is not None:
        scope.add_gate("global_phase", (), (phase,), controls)


def add_unitary(matrix: NDArray[Any], label: str | None, qubits: tuple[int, ...], scope: Scope) -> None:
    """Add a dense matrix over ``qubits``."""
    scope.out.append(Unitary(Array.of(matrix), qubits, scope.controls, scope.control_state, label))
