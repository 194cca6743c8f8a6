"""Noisy programs, random ones among them, and what is read of them exactly, from their density matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from support.noise import applied, channel, damping, depolarizing, kraus, random_kraus, random_table
from support.programs import dense, measures, random_unitary, rotation

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Pauli
from simulator.circuit.gates import GATES
from simulator.circuit.instructions import (
    Diagonal,
    Gate,
    Instruction,
    Measure,
    Noise,
    Permutation,
    Readout,
    Unitary,
)
from simulator.circuit.program import Header, Program

#: Gates that Pauli errors pass, and some that stop them.
_CLIFFORD = ("h", "s", "sx", "x", "y", "z", "swap", "iswap", "ecr", "dcx")
_OTHERS = ("t", "rz", "rx", "ry", "u", "rzz", "rxx", "p", "xx_plus_yy", "rccx")


def noisy_program(seed: int, num_qubits: int, *, gates: int = 30, readout: bool = True) -> Program:
    """A program with gates of every kind, and behind some of them noise of every kind."""
    rng = np.random.default_rng(seed)
    channels = _channels(seed)
    instructions: list[Instruction] = []
    for _ in range(gates):
        instructions.append(_gate(rng, num_qubits))
        index = int(rng.integers(2 * len(channels)))
        if index < len(channels) and channels[index].num_qubits <= num_qubits:
            qubits = rng.permutation(num_qubits)[: channels[index].num_qubits]
            instructions.append(Noise(index, tuple(qubits.tolist())))
    for measure in measures(num_qubits):
        instructions.append(measure)
        if readout and rng.random() < 0.5:
            instructions.append(Readout((measure.clbit,), random_table(seed, 1)))
    if readout and num_qubits > 1:
        instructions.append(Readout((1, 0), random_table(seed, 2)))
    return with_channels(num_qubits, num_qubits, channels, *instructions)


def with_channels(num_qubits: int, num_clbits: int, channels: Sequence[Channel], *rest: Instruction) -> Program:
    """A program whose noise is of these channels."""
    return Program(num_qubits, num_clbits, rest, Header("noisy"), channels=tuple(channels))


def _channels(seed: int) -> tuple[Channel, ...]:
    strings = (0.9, ()), (0.06, (Pauli(1, 0), Pauli(2, 1))), (0.04, (Pauli(0, 3),))
    steps = kraus(random_kraus(seed, 1, 3), 1), Pauli(1, 1), kraus(damping(0.4), 0)
    return (
        depolarizing(0.05),
        depolarizing(0.2, 2),
        channel(1, (1.0, (kraus(damping(0.2)),))),
        channel(2, *strings),
        channel(1, (0.8, (Pauli(1, 0),)), (0.2, ())),
        channel(1, (1.0, (kraus(random_unitary(seed, 1)[None]),))),
        channel(2, (0.85, ()), (0.1, steps), (0.05, (kraus(damping(1.0), 1),))),
        channel(1, (1.0, (kraus(damping(1.0)),))),
        channel(2, (0.7, (kraus(random_unitary(seed, 2)[None]),)), (0.3, (Pauli(2, 0),))),
    )


def _gate(rng: np.random.Generator, num_qubits: int) -> Instruction:  # noqa: PLR0911 (one for each kind)
    qubits = tuple(rng.permutation(num_qubits).tolist())
    kind = rng.integers(12)
    if kind == 0 and num_qubits > 1:
        return rotation(rng, qubits)
    if kind == 1:
        return Permutation(qubits, tuple(rng.permutation(qubits).tolist()))
    if kind == 2:
        return Diagonal(Array.of(np.exp(1j * rng.uniform(0, 6, 1 << num_qubits))), qubits)
    if kind == 3:
        width = min(num_qubits, 2)
        return Unitary(Array.of(random_unitary(int(rng.integers(99)), width)), qubits[:width])
    if kind == 4:
        return Gate(str(rng.choice(["x", "z", "h"])), qubits[:1], (), qubits[1:])
    name = str(rng.choice(_CLIFFORD if rng.random() < 0.6 else _OTHERS))
    spec = GATES[name]
    if spec.num_qubits > num_qubits:
        return Gate("h", qubits[:1])
    controls = qubits[spec.num_qubits : spec.num_qubits + 1] if rng.random() < 0.2 else ()
    return Gate(name, qubits[: spec.num_qubits], tuple(rng.uniform(-3, 3, spec.num_params).tolist()), controls)


def exact_counts(noisy: Program) -> dict[str, float]:
    """The probability of each memory, by the definitions; measurements are at the end, each into a clbit."""
    num_qubits = noisy.num_qubits
    rho = np.zeros((1 << num_qubits, 1 << num_qubits), np.complex128)
    rho[0, 0] = 1
    qubit_of: dict[int, int] = {}
    tables: list[Readout] = []
    for instruction in noisy.instructions:
        if isinstance(instruction, Measure):
            qubit_of[instruction.clbit] = instruction.qubit
        elif isinstance(instruction, Readout):
            tables.append(instruction)
        elif isinstance(instruction, Noise):
            rho = applied(noisy.channels[instruction.channel], instruction.qubits, rho)
        else:
            matrix = dense(instruction, num_qubits)
            rho = matrix @ rho @ matrix.conj().T
    probabilities = np.zeros(1 << noisy.num_clbits)
    for index, value in enumerate(rho.diagonal().real.tolist()):
        probabilities[sum((index >> qubit & 1) << clbit for clbit, qubit in qubit_of.items())] += value
    for table in tables:
        read = np.zeros_like(probabilities)
        mask = sum(1 << clbit for clbit in table.clbits)
        for memory, value in enumerate(probabilities.tolist()):
            true = sum((memory >> clbit & 1) << index for index, clbit in enumerate(table.clbits))
            for seen, share in enumerate(table.table.ndarray()[true].tolist()):
                bits = sum((seen >> index & 1) << clbit for index, clbit in enumerate(table.clbits))
                read[memory & ~mask | bits] += value * share
        probabilities = read
    return {hex(memory): value for memory, value in enumerate(probabilities.tolist())}
