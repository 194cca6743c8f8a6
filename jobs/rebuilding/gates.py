"""Instructions without blocks: gates, states, measurements -> Qiskit's instructions of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from qiskit import circuit as qiskit_circuit
from qiskit.circuit import AnnotatedOperation, ControlModifier, library
from qiskit.quantum_info import SparsePauliOp

from jobs.lowering.standard import STANDARD_GATES
from jobs.rebuilding.circuit_builder import CircuitBuilder, Rule
from jobs.rebuilding.noise import rebuild_noise, rebuild_readout
from jobs.rebuilding.saves import rebuild_save
from simulator.circuit import instructions
from simulator.circuit.gates import pauli_letters

_STANDARD_CLASSES = {name: gate.base_class for name, gate in library.get_standard_gate_name_mapping().items()}
#: Name in GATES, number of controls -> Qiskit's class.
_CLASSES: Mapping[tuple[str, int], type] = MappingProxyType(
    {key: _STANDARD_CLASSES[name] for name, key in STANDARD_GATES.items() if name in _STANDARD_CLASSES}
)


def _gate(gate: instructions.Gate, builder: CircuitBuilder) -> None:
    operation: Any
    if letters := pauli_letters(gate.name):
        # Its first letter is that of the last qubit.
        operator = SparsePauliOp(letters.upper()[::-1])
        operation = library.PauliEvolutionGate(operator, gate.params[0] / 2)
    elif gate.name == "global_phase" and gate.controls and gate.control_state is None:
        # A phase under controls is a controlled phase gate on the last of them.
        operation = _controlled("p", gate.params, len(gate.controls) - 1, None)
    else:
        operation = _controlled(gate.name, gate.params, len(gate.controls), gate.control_state)
    builder.append_operation(operation, gate.controls + gate.targets)


def _controlled(name: str, params: tuple[float, ...], controls: int, state: int | None) -> Any:
    """Return Qiskit's gate of its own for so many controls, or an annotated one."""
    cls = _CLASSES.get((name, controls))
    if cls is library.CUGate:
        return cls(*params, 0.0, ctrl_state=state)
    if cls is not None:
        return cls(*params, ctrl_state=state) if controls else cls(*params)
    if name == "x":
        return library.MCXGate(controls, ctrl_state=state)
    if name == "p":
        return library.MCPhaseGate(*params, controls, ctrl_state=state)
    return AnnotatedOperation(_CLASSES[name, 0](*params), ControlModifier(controls, state))


def _unitary(unitary: instructions.Unitary, builder: CircuitBuilder) -> None:
    operation: Any = library.UnitaryGate(unitary.matrix.ndarray(), unitary.label, check_input=False)
    if unitary.controls:
        operation = AnnotatedOperation(operation, ControlModifier(len(unitary.controls), unitary.control_state))
    builder.append_operation(operation, unitary.controls + unitary.targets)


def _diagonal(diagonal: instructions.Diagonal, builder: CircuitBuilder) -> None:
    builder.append_operation(library.DiagonalGate(diagonal.diagonal.ndarray().tolist()), diagonal.targets)


def _permutation(permutation: instructions.Permutation, builder: CircuitBuilder) -> None:
    index_of = {qubit: index for index, qubit in enumerate(permutation.targets)}
    pattern = [index_of[qubit] for qubit in permutation.sources]
    builder.append_operation(library.PermutationGate(pattern), permutation.targets)


def _initialize(initialize: instructions.Initialize, builder: CircuitBuilder) -> None:
    cls = library.StatePreparation if initialize.is_preparation else library.Initialize
    builder.append_operation(cls(np.asarray(initialize.amplitudes.ndarray()).tolist()), initialize.targets)


def _measure(measure: instructions.Measure, builder: CircuitBuilder) -> None:
    builder.append_operation(qiskit_circuit.Measure(), (measure.qubit,), (measure.clbit,))


def _reset(reset: instructions.Reset, builder: CircuitBuilder) -> None:
    builder.append_operation(qiskit_circuit.Reset(), (reset.qubit,))


def _barrier(barrier: instructions.Barrier, builder: CircuitBuilder) -> None:
    builder.append_operation(qiskit_circuit.Barrier(len(barrier.qubits)), barrier.qubits)


def _delay(delay: instructions.Delay, builder: CircuitBuilder) -> None:
    if delay.duration is None:
        stretch = builder.circuit.add_stretch(builder.names.unused("stretch"))
        operation = qiskit_circuit.Delay(stretch)
    else:
        operation = qiskit_circuit.Delay(delay.duration, delay.unit)
    builder.append_operation(operation, (delay.qubit,))


INSTRUCTION_RULES: Mapping[type, Rule] = MappingProxyType(
    {
        instructions.Gate: _gate,
        instructions.Unitary: _unitary,
        instructions.Diagonal: _diagonal,
        instructions.Permutation: _permutation,
        instructions.Initialize: _initialize,
        instructions.Measure: _measure,
        instructions.Reset: _reset,
        instructions.Barrier: _barrier,
        instructions.Delay: _delay,
        instructions.Save: rebuild_save,
        instructions.Noise: rebuild_noise,
        instructions.Readout: rebuild_readout,
    }
)
