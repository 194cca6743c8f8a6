"""Programs built by hand and by hypothesis, and dense references for them: no Qiskit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import msgspec
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel
from simulator.circuit.gates import GATES
from simulator.circuit.instructions import Case, Diagonal, Gate, Instruction, Measure, Permutation, Unitary
from simulator.circuit.program import Header, Program, Variable
from simulator.cost import bytes_required
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.timeline import Timeline
from simulator.options import Output, Precision

PAULIS = {"x": np.array([[0, 1], [1, 0]]), "y": np.array([[0, -1j], [1j, 0]]), "z": np.diag([1, -1])}

Draw = Callable[[st.SearchStrategy[Any]], Any]


def program(
    num_qubits: int,
    num_clbits: int,
    *instructions: Instruction,
    variables: tuple[Variable, ...] = (),
    global_phase: float = 0.0,
    channels: tuple[Channel, ...] = (),
) -> Program:
    """A program with an empty header."""
    return Program(num_qubits, num_clbits, instructions, Header("test"), global_phase, variables, channels)


def h(qubit: int) -> Gate:
    return Gate("h", (qubit,))


def x(qubit: int, *controls: int) -> Gate:
    return Gate("x", (qubit,), controls=controls)


def ry(theta: float, qubit: int) -> Gate:
    return Gate("ry", (qubit,), (theta,))


def everywhere(count: int) -> tuple[Gate, ...]:
    """A Hadamard on each qubit: all of them are in use."""
    return tuple(map(h, range(count)))


def entangled(count: int) -> tuple[Gate, ...]:
    """Qubits of which none is done with before all of them were in use."""
    there = tuple(x(qubit, 0) for qubit in range(1, count))
    return (h(0), *there, *there[::-1])


def on_all(count: int) -> Gate:
    """A gate on all qubits: what is measured behind it has all of them in use at once."""
    return x(0, *range(1, count))


def measures(count: int) -> tuple[Measure, ...]:
    """Qubit i into clbit i."""
    return tuple(Measure(index, index) for index in range(count))


def moved_to(original: Program, new_qubits: Mapping[int, int], num_qubits: int) -> Program:
    """The same program on other qubits: each qubit gets a new index."""

    def moved(value: Any, name: str = "") -> Any:
        if name == "qubit":
            return new_qubits[value]
        if name in {"targets", "controls", "sources", "qubits"}:
            return tuple(new_qubits[qubit] for qubit in value)
        if isinstance(value, tuple):
            return tuple(map(moved, value))
        if isinstance(value, (*get_args(Instruction), Case)):
            fields = {field: moved(getattr(value, field), field) for field in value.__struct_fields__}
            return msgspec.structs.replace(value, **fields)
        return value

    return msgspec.structs.replace(original, num_qubits=num_qubits, instructions=moved(original.instructions))


def random_unitary(seed: int, num_qubits: int) -> NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    dim = 1 << num_qubits
    return np.linalg.qr(rng.normal(size=(dim, dim)) + 1j * rng.normal(size=(dim, dim)))[0]


def random_vector(seed: int, num_qubits: int) -> NDArray[np.complex128]:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=1 << num_qubits) + 1j * rng.normal(size=1 << num_qubits)
    return vector / np.linalg.norm(vector)


def embedded(
    matrix: NDArray[np.complex128],
    targets: Sequence[int],
    num_qubits: int,
    controls: Sequence[tuple[int, int]] = (),
) -> NDArray[np.complex128]:
    """The matrix over all qubits, entry by entry from the definition."""
    full = np.zeros((1 << num_qubits, 1 << num_qubits), np.complex128)
    for column in range(1 << num_qubits):
        if any(column >> qubit & 1 != value for qubit, value in controls):
            full[column, column] = 1
            continue
        local = sum((column >> qubit & 1) << index for index, qubit in enumerate(targets))
        others = column & ~sum(1 << qubit for qubit in targets)
        for row in range(1 << len(targets)):
            goal = others | sum((row >> index & 1) << qubit for index, qubit in enumerate(targets))
            full[goal, column] = matrix[row, local]
    return full


def dense(instruction: Instruction, num_qubits: int) -> NDArray[np.complex128]:
    """The matrix of an instruction over all qubits."""
    match instruction:
        case Gate() | Unitary():
            matrix = matrix_of(instruction) if isinstance(instruction, Gate) else instruction.matrix.ndarray()
            state = instruction.control_state
            values = [1 if state is None else state >> i & 1 for i in range(len(instruction.controls))]
            controls = list(zip(instruction.controls, values, strict=True))
            return embedded(matrix, instruction.targets, num_qubits, controls)
        case Diagonal():
            return embedded(np.diag(instruction.diagonal.ndarray()), instruction.targets, num_qubits)
        case Permutation(targets=targets, sources=sources):
            moved = np.zeros((1 << len(targets), 1 << len(targets)))
            for column in range(len(moved)):
                values = {qubit: column >> index & 1 for index, qubit in enumerate(targets)}
                goal = {target: values[source] for target, source in zip(targets, sources, strict=True)}
                moved[sum(goal[qubit] << index for index, qubit in enumerate(targets)), column] = 1
            return embedded(moved, targets, num_qubits)
        case _:
            raise TypeError(f"no matrix: {instruction}")


def matrix_of(gate: Gate) -> NDArray[np.complex128]:
    """The matrix over the targets: that of the table, or, of a rotation, from the Pauli matrices themselves."""
    if gate.name in GATES:
        return GATES[gate.name].matrix(*gate.params)
    string = np.eye(1)
    for letter in gate.name[1:]:
        string = np.kron(PAULIS[letter], string)
    (theta,) = gate.params
    return np.cos(theta / 2) * np.eye(len(string)) - 1j * np.sin(theta / 2) * string


def rotation(rng: np.random.Generator, qubits: Sequence[int]) -> Gate:
    """A rotation about a random string on these qubits, at least two."""
    letters = "".join(rng.choice(["x", "y", "z"], len(qubits)))
    return Gate(f"r{letters}", tuple(qubits), tuple(rng.uniform(-3, 3, 1).tolist()))


def unitary_of(instructions: Sequence[Instruction], num_qubits: int) -> NDArray[np.complex128]:
    """The product of the instructions' matrices."""
    product = np.eye(1 << num_qubits, dtype=np.complex128)
    for instruction in instructions:
        product = dense(instruction, num_qubits) @ product
    return product


@st.composite
def unitary_instructions(draw: Draw, num_qubits: int, *, widest: int = 4) -> tuple[Instruction, ...]:
    """A list of instructions that have a matrix, on any targets and controls."""
    return tuple(_unitary_instruction(draw, num_qubits, widest) for _ in range(draw(st.integers(0, 12))))


def _unitary_instruction(draw: Draw, num_qubits: int, widest: int) -> Instruction:
    qubits = draw(st.permutations(range(num_qubits)))
    seed = draw(st.integers(0, 2**32 - 1))
    kinds = ["gate", "gate", "gate", "unitary", "diagonal", "permutation"] if num_qubits else ["gate"]
    kind = draw(st.sampled_from([*kinds, "rotation"] if num_qubits > 1 else kinds))
    if kind == "rotation":
        return rotation(np.random.default_rng(seed), qubits[: draw(st.integers(2, num_qubits))])
    if kind == "gate":
        name = draw(st.sampled_from([name for name, spec in GATES.items() if spec.num_qubits <= num_qubits]))
        spec = GATES[name]
        params = tuple(np.random.default_rng(seed).uniform(-7, 7, spec.num_params).tolist())
        controls = qubits[spec.num_qubits : draw(st.integers(spec.num_qubits, num_qubits))]
        state = draw(st.none() | st.integers(0, 2 ** len(controls) - 1))
        return Gate(name, tuple(qubits[: spec.num_qubits]), params, tuple(controls), state)
    count = draw(st.integers(1, min(widest, num_qubits)))
    targets = tuple(qubits[:count])
    if kind == "unitary":
        controls = tuple(qubits[count : draw(st.integers(count, num_qubits))])
        return Unitary(Array.of(random_unitary(seed, count)), targets, controls)
    if kind == "diagonal":
        angles = np.random.default_rng(seed).choice([0, 0, np.pi, 1.3], 1 << count)
        return Diagonal(Array.of(np.exp(1j * angles)), targets)
    return Permutation(targets, tuple(draw(st.permutations(targets))))


def bytes_of(
    program: Program,
    output: Output = "counts",
    shots: int = 1024,
    precision: Precision = "double",
    *,
    from_ground: bool = True,
    sampling: bool = True,
) -> int:
    """The bytes that a run takes at most, beside those for its shots."""
    timeline = Timeline.of(program, output, from_ground=from_ground, sampling=sampling)
    return bytes_required(compile_program(timeline), shots, precision)
