"""Aer and qulacs as contenders: each with its defaults, all that can be prepared prepared, on the same threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator
from qulacs import gate as gates

from benchmarks.common.agreement import basis_states
from benchmarks.common.rounds import Contender

#: qulacs merges what shares its qubits into one matrix: with a wide gate it takes minutes, so it is not asked to.
_WIDEST_MERGED = 4
#: Up to so many qubits Aer uses one thread.
_UNTHREADED = 14


def pause(num_qubits: int) -> float:
    """Return the seconds to wait between two runs, so that the threads of one do not spin into the next."""
    return 0.01 if num_qubits > _UNTHREADED else 0.0


def aer_state(circuit: QuantumCircuit, threads: int, precision: str = "double") -> Contender:
    """Evolve to the state, and return a few amplitudes of it: one up to 16 qubits."""
    saving = circuit.copy()
    saving.save_amplitudes(basis_states(circuit.num_qubits))
    return Contender("Aer", _aer(saving, threads, precision), lambda data: list(data["amplitudes"]))


def aer_full(circuit: QuantumCircuit, threads: int, precision: str = "double") -> Contender:
    """Evolve to the state, and return all of it."""
    saving = circuit.copy()
    saving.save_statevector()
    return Contender("Aer", _aer(saving, threads, precision), lambda data: np.asarray(data["statevector"]))


def aer_counts(circuit: QuantumCircuit, threads: int, shots: int) -> Contender:
    """Run to the dict of hex keys."""
    return Contender("Aer", _aer(circuit, threads, "double", shots=shots), lambda data: data["counts"])


def _aer(circuit: QuantumCircuit, threads: int, precision: str, **options: int) -> Callable[[], dict[str, Any]]:
    simulator = AerSimulator(method="statevector", max_parallel_threads=threads, precision=precision)
    transpiled = transpile(circuit, simulator, optimization_level=0)

    def run() -> dict[str, Any]:
        result = simulator.run(transpiled, **options).result()
        if not result.success:
            raise RuntimeError(f"Aer: {result.status}")
        data: dict[str, Any] = result.data(0)
        return data

    return run


def qulacs_state(circuit: QuantumCircuit) -> Contender:
    """Optimize lightly, and evolve to the state."""
    original = _translated(circuit)
    merging = all(len(instruction.qubits) <= _WIDEST_MERGED for instruction in circuit.data)

    def run() -> qulacs.QuantumState:
        own = original.copy()
        if merging:
            qulacs.circuit.QuantumCircuitOptimizer().optimize_light(own)
        state = qulacs.QuantumState(circuit.num_qubits)
        own.update_quantum_state(state)
        return state

    return Contender("qulacs", run, lambda state: [*map(state.get_amplitude, basis_states(circuit.num_qubits))])


def _translated(circuit: QuantumCircuit) -> qulacs.QuantumCircuit:
    """Return a circuit of the families in qulacs's gates."""
    translated = qulacs.QuantumCircuit(circuit.num_qubits)
    for instruction in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        translated.add_gate(_GATES[instruction.operation.name](qubits, instruction.operation.params))
    return translated


def _controlled_x(qubits: list[int], _: list[Any]) -> Any:
    *controls, target = qubits
    flip = gates.to_matrix_gate(gates.X(target))
    for control in controls:
        flip.add_control_qubit(control, 1)
    return flip


def _controlled_phase(qubits: list[int], params: list[Any]) -> Any:
    control, target = qubits
    phase = gates.to_matrix_gate(gates.U1(target, float(params[0])))
    phase.add_control_qubit(control, 1)
    return phase


def _unitary(qubits: list[int], params: list[NDArray[Any]]) -> Any:
    return gates.DenseMatrix(qubits, params[0])


_GATES: Mapping[str, Callable[[list[int], list[Any]], Any]] = MappingProxyType(
    {
        "h": lambda qubits, _: gates.H(qubits[0]),
        "x": lambda qubits, _: gates.X(qubits[0]),
        "ry": lambda qubits, params: gates.RotY(qubits[0], float(params[0])),
        "rz": lambda qubits, params: gates.RotZ(qubits[0], float(params[0])),
        "u": lambda qubits, params: gates.U3(qubits[0], *map(float, params)),
        "cx": lambda qubits, _: gates.CNOT(*qubits),
        "swap": lambda qubits, _: gates.SWAP(*qubits),
        "cp": _controlled_phase,
        "ccx": _controlled_x,
        "mcx": _controlled_x,
        "unitary": _unitary,
    }
)
