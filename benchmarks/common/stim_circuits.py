"""Stim's circuits as Programs, and for Qiskit, so that all run the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import stim
from numpy.typing import NDArray

from simulator.circuit.channel import Channel, Pauli
from simulator.circuit.instructions import Gate, Instruction, Measure, Noise, Reset
from simulator.circuit.program import Header, Program

_GATES = {"H": "h", "S": "s", "S_DAG": "sdg", "SQRT_X": "sx", "X": "x", "Z": "z"}
_IGNORED = frozenset({"TICK", "DETECTOR", "OBSERVABLE_INCLUDE", "QUBIT_COORDS", "SHIFT_COORDS"})


def depolarizing(probability: float, num_qubits: int) -> Channel:
    """All Pauli strings but the identity, equally likely."""
    count = 4**num_qubits
    strings = [
        Pauli(
            sum((code >> 2 * qubit & 1) << qubit for qubit in range(num_qubits)),
            sum((code >> 2 * qubit + 1 & 1) << qubit for qubit in range(num_qubits)),
        )
        for code in range(1, count)
    ]
    shares = (probability / (count - 1),) * (count - 1)
    return Channel(num_qubits, (1 - probability, *shares), ((), *((string,) for string in strings)))


def bit_flip(probability: float) -> Channel:
    """Return X with a probability."""
    return Channel(1, (1 - probability, probability), ((), (Pauli(1, 0),)))


def memory_circuit(kind: str, distance: int, probability: float, rounds: int | None = None) -> stim.Circuit:
    """Return a memory experiment with noise everywhere."""
    return stim.Circuit.generated(
        kind,
        distance=distance,
        rounds=rounds or distance,
        after_clifford_depolarization=probability,
        after_reset_flip_probability=probability,
        before_measure_flip_probability=probability,
        before_round_data_depolarization=probability,
    )


def random_circuit(num_qubits: int, depth: int, seed: int) -> stim.Circuit:
    """Layers of gates on one qubit and of CX, measured at the end."""
    rng = np.random.default_rng(seed)
    circuit = stim.Circuit()
    for _ in range(depth):
        kinds = rng.integers(0, 4, num_qubits)
        for kind, name in enumerate(("H", "S", "SQRT_X"), 1):
            if (kinds == kind).any():
                circuit.append(name, np.flatnonzero(kinds == kind).tolist())
        circuit.append("CX", rng.permutation(num_qubits)[: num_qubits // 2 * 2].tolist())
    circuit.append("M", range(num_qubits))
    return circuit


def program_of(circuit: stim.Circuit) -> Program:
    """Return the same circuit; record i is clbit i."""
    instructions: list[Instruction] = []
    channels: list[Channel] = []
    records = 0
    for each in circuit.flattened():
        name, qubits = each.name, [target.value for target in each.targets_copy()]
        if name in _IGNORED:
            continue
        if name in _GATES:
            instructions += [Gate(_GATES[name], (qubit,)) for qubit in qubits]
        elif name == "CX":
            instructions += [
                Gate("x", (target,), (), (control,))
                for control, target in zip(qubits[::2], qubits[1::2], strict=True)
            ]
        elif name in {"M", "R", "MR"}:
            for qubit in qubits:
                if name != "R":
                    instructions.append(Measure(qubit, records))
                    records += 1
                if name != "M":
                    instructions.append(Reset(qubit))
        else:
            (probability,) = each.gate_args_copy()
            width = 2 if name == "DEPOLARIZE2" else 1
            channel = bit_flip(probability) if name == "X_ERROR" else depolarizing(probability, width)
            if channel not in channels:
                channels.append(channel)
            instructions += [
                Noise(channels.index(channel), tuple(qubits[start : start + width]))
                for start in range(0, len(qubits), width)
            ]
    return Program(circuit.num_qubits, records, tuple(instructions), Header("stim"), channels=tuple(channels))


def bits_of(memory: list[str], num_clbits: int) -> NDArray[np.uint8]:
    """Each shot's clbits, shape (shots, clbits)."""
    size = -(-num_clbits // 8)
    data = b"".join(int(key, 16).to_bytes(size, "little") for key in memory)
    rows = np.frombuffer(data, np.uint8).reshape(len(memory), size)
    return np.unpackbits(rows, axis=1, bitorder="little")[:, :num_clbits]


def qiskit_of(circuit: stim.Circuit) -> Any:  # noqa: C901 (one branch a kind of instruction)
    """Return the same circuit for Qiskit, with its noise as Aer's errors."""
    from qiskit import QuantumCircuit
    from qiskit_aer.noise import depolarizing_error, pauli_error

    made = QuantumCircuit(circuit.num_qubits, circuit.num_measurements)
    records = 0
    errors: dict[tuple[str, float], Any] = {}
    for each in circuit.flattened():
        name, qubits = each.name, [target.value for target in each.targets_copy()]
        if name in _IGNORED:
            continue
        if name in _GATES:
            for qubit in qubits:
                getattr(made, _GATES[name])(qubit)
        elif name == "CX":
            made.cx(qubits[::2], qubits[1::2])
        elif name in {"M", "R", "MR"}:
            for qubit in qubits:
                if name != "R":
                    made.measure(qubit, records)
                    records += 1
                if name != "M":
                    made.reset(qubit)
        else:
            (probability,) = each.gate_args_copy()
            width = 2 if name == "DEPOLARIZE2" else 1
            if (name, probability) not in errors:
                of_all = probability * 4**width / (4**width - 1)
                errors[name, probability] = (
                    pauli_error([("X", probability), ("I", 1 - probability)])
                    if name == "X_ERROR"
                    else depolarizing_error(of_all, width)
                ).to_instruction()
            for start in range(0, len(qubits), width):
                made.append(errors[name, probability], qubits[start : start + width])
    return made
