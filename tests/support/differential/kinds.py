"""One of every kind of instruction that the product takes, with all numbers real where it can have such."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    Duration,
    InverseModifier,
    Parameter,
    PowerModifier,
    library,
)
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import (
    CUGate,
    DiagonalGate,
    GlobalPhaseGate,
    Initialize,
    LinearFunction,
    MCMTGate,
    MCPhaseGate,
    MCXGate,
    MCXVChain,
    ModularAdderGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    QFTGate,
    RXGate,
    RYGate,
    StatePreparation,
    UCGate,
    UnitaryGate,
    XGate,
    YGate,
    ZGate,
)
from qiskit.quantum_info import Clifford, SparsePauliOp, random_unitary
from support.strategies import STANDARD_GATES

#: Adds the instruction to a circuit, in any scope of it, on these qubits; the flag: of real numbers if it can be.
#: The last two clbits are there for it.
Add = Callable[[QuantumCircuit, list[int], bool], None]
_names = count()


class Kind(NamedTuple):
    num_qubits: int
    add: Add
    unitary: bool = True


def _gate(make: Callable[[bool], Any]) -> Kind:
    def add(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
        circuit.append(make(real), qubits)

    return Kind(make(True).num_qubits, add)


def _orthogonal(side: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(side).normal(size=(side, side)))[0]


def _matrix(side: int, real: bool) -> np.ndarray:
    return _orthogonal(side) if real else random_unitary(side, seed=1).data


def _amplitudes(size: int, real: bool) -> Any:
    """Of one qubit the plainest there are; real ones as Python's floats, as a user writes them."""
    if size == 2:
        return [0.6, -0.8] if real else [0.6, 0.8j]
    return _orthogonal(size)[0].tolist() if real else random_unitary(size, seed=2).data[0]


def _standard(name: str, controlled: bool = False) -> Kind:
    gate = STANDARD_GATES[name]
    params = [0.7 + 0.4 * index for index in range(len(gate.params))]
    options = {"ctrl_state": 0} if controlled else {}
    return _gate(lambda _: gate.base_class(*params, **options))


def _rotation(real: bool) -> Any:
    return RYGate(0.7) if real else RXGate(0.7)


def _custom(real: bool) -> Any:
    circuit = QuantumCircuit(2, name="custom", global_phase=0 if real else 0.3)
    circuit.append(_rotation(real), [0])
    circuit.cx(0, 1)
    return circuit.to_gate()


def _instruction(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    """An instruction that is no gate: its definition measures and resets."""
    inner = QuantumCircuit(2, 1, name="inner")
    inner.append(_rotation(real), [0])
    inner.measure(0, 0)
    inner.reset(1)
    inner.initialize(_amplitudes(2, real), 1)
    circuit.append(inner.to_instruction(), qubits, [circuit.clbits[-1]])


def _measure(circuit: QuantumCircuit, qubits: list[int], _: bool) -> None:
    circuit.measure(qubits[0], circuit.clbits[-1])


def _delay(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    circuit.delay(expr.lift(Duration.ns(3)) if real else 10, qubits[0])


def _pauli_product_measurement(circuit: QuantumCircuit, qubits: list[int], _: bool) -> None:
    from qiskit.quantum_info import Pauli

    circuit.append(library.PauliProductMeasurement(Pauli("XZ")), qubits, [circuit.clbits[-1]])


def _store(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    """To a clbit, a register and a variable, each of which is read."""
    clbit, register = circuit.clbits[-1], circuit.cregs[-1]
    circuit.store(clbit, expr.logic_not(clbit))
    variable = circuit.add_var(f"v{next(_names)}", expr.bit_xor(register, 1))
    with circuit.if_test(expr.greater(variable, 1)):
        circuit.append(_rotation(real), qubits)
    circuit.store(register, expr.lift(2, types.Uint(2)))


def _if_else(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    circuit.measure(qubits[0], circuit.clbits[-1])
    with circuit.if_test((circuit.clbits[-1], 1)) as otherwise:
        circuit.append(_rotation(real), qubits)
    with otherwise:
        circuit.h(qubits[0])


def _switch(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    circuit.measure(qubits[0], circuit.clbits[-1])
    with circuit.switch(circuit.cregs[-1]) as case:
        with case(0, 3):
            circuit.append(_rotation(real), qubits)
        with case(case.DEFAULT):
            circuit.h(qubits[0])


def _while(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    circuit.store(circuit.clbits[-1], expr.lift(False))
    with circuit.while_loop((circuit.clbits[-1], 0)):
        circuit.append(_rotation(real), qubits)
        circuit.store(circuit.clbits[-1], expr.lift(True))


def _for(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    """With an index in an angle, and both ways to go on."""
    circuit.measure(qubits[0], circuit.clbits[-1])
    with circuit.for_loop(range(1, 4), loop_parameter=Parameter(f"i{next(_names)}")) as index:
        with circuit.if_test((circuit.clbits[-1], 1)):
            circuit.break_loop()
        circuit.ry(index * 0.2, qubits[0])
        if not real:
            circuit.s(qubits[0])
        circuit.store(circuit.clbits[-1], expr.lift(True))
        circuit.continue_loop()


def _box(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
    with circuit.box():
        circuit.append(_rotation(real), qubits)


def _initialize(num_qubits: int, amplitudes: Callable[[bool], Any]) -> Kind:
    def add(circuit: QuantumCircuit, qubits: list[int], real: bool) -> None:
        state = amplitudes(real)
        circuit.append(Initialize(state, num_qubits if isinstance(state, int) else None), qubits)

    return Kind(num_qubits, add, unitary=False)


def _labels(real: bool) -> SparsePauliOp:
    """Commuting strings, each with one Y, or with none: the synthesis of others is an approximation."""
    return SparsePauliOp(["IIY", "XYI"] if real else ["XXZ", "IZI"][:1], [0.7, -0.3] if real else [0.7])


def _v_chain() -> Any:
    """One whose definition is narrower than the gate: it needs no ancilla."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return MCXVChain(3, dirty_ancillas=True)


def _annotated(*modifiers: Any, real: bool) -> AnnotatedOperation:
    return AnnotatedOperation(_rotation(real), list(modifiers))


KINDS: dict[str, Kind] = {
    **{name: _standard(name) for name in STANDARD_GATES},
    **{
        f"{name} on zeros": _standard(name, controlled=True)
        for name, gate in STANDARD_GATES.items()
        if getattr(gate, "num_ctrl_qubits", 0)
    },
    "controlled": _gate(lambda real: _rotation(real).control(2, ctrl_state=1, annotated=False)),
    "controlled phase": _gate(lambda _: GlobalPhaseGate(0.4).control(1, ctrl_state=0)),
    "cu under control": _gate(lambda _: CUGate(1, 2, 3, 4).control(1, ctrl_state=0)),
    "unitary": _gate(lambda real: UnitaryGate(_matrix(4, real))),
    "unitary on one": _gate(lambda real: UnitaryGate(_matrix(2, real))),
    "unitary under control": _gate(
        lambda real: AnnotatedOperation(UnitaryGate(_matrix(4, real)), ControlModifier(1, 0))
    ),
    "diagonal": _gate(lambda real: DiagonalGate([1, -1, -1, 1] if real else [1, 1j, -1, np.exp(0.3j)])),
    "diagonal under control": _gate(
        lambda real: AnnotatedOperation(DiagonalGate([1, -1] if real else [1j, 1]), ControlModifier(2, 1))
    ),
    "permutation": _gate(lambda _: PermutationGate([2, 0, 1])),
    "permutation under control": _gate(lambda _: AnnotatedOperation(PermutationGate([1, 0]), ControlModifier(1))),
    "pauli": _gate(lambda real: PauliGate("XIZ" if real else "YIX")),
    "evolution": _gate(lambda real: PauliEvolutionGate(_labels(real), time=0.8)),
    "evolution under control": _gate(
        lambda real: PauliEvolutionGate(SparsePauliOp(["YX" if real else "ZX"]), time=0.8).control(1)
    ),
    "mcx of three": _gate(lambda _: MCXGate(3)),
    "mcx of four": _gate(lambda _: MCXGate(4, ctrl_state=5)),
    "mcx on dirty qubits": _gate(lambda _: _v_chain()),
    "mcphase": _gate(lambda _: MCPhaseGate(0.6, 3, ctrl_state=2)),
    "mcmt": _gate(lambda real: MCMTGate(ZGate() if real else YGate(), 2, 2)),
    "clifford": _gate(lambda real: Clifford(QuantumCircuit(2).compose(XGate() if real else YGate(), [1]))),
    "linear function": _gate(lambda _: LinearFunction(np.triu(np.ones((3, 3), dtype=bool)))),
    "qft": _gate(lambda _: QFTGate(3)),
    "adder": _gate(lambda _: ModularAdderGate(2)),
    "uniformly controlled": _gate(lambda real: UCGate([_matrix(2, real), np.eye(2)])),
    "custom": _gate(_custom),
    "custom under control": _gate(lambda real: _custom(real).control(1, ctrl_state=0)),
    "annotated": _gate(
        lambda real: _annotated(PowerModifier(2), ControlModifier(1, 0), InverseModifier(), real=real)
    ),
    "root": _gate(lambda real: _annotated(PowerModifier(-0.5), ControlModifier(1, 0), real=real)),
    "state_preparation": _gate(lambda real: StatePreparation(_amplitudes(2, real))),
    "state_preparation of two": _gate(lambda real: StatePreparation(_amplitudes(4, real))),
    "state_preparation of a label": _gate(lambda real: StatePreparation("-1" if real else "r+")),
    "state_preparation of a number": _gate(lambda _: StatePreparation(2, num_qubits=2)),
    "state_preparation, inverse": _gate(lambda real: StatePreparation(_amplitudes(4, real)).inverse()),
    "state_preparation under control": _gate(lambda real: StatePreparation(_amplitudes(2, real)).control(1)),
    "initialize": _initialize(1, lambda real: _amplitudes(2, real)),
    "initialize of two": _initialize(2, lambda real: _amplitudes(4, real)),
    "initialize of a label": _initialize(2, lambda real: "-1" if real else "r+"),
    "initialize of a number": _initialize(2, lambda _: 2),
    "barrier": Kind(2, lambda circuit, qubits, _: circuit.barrier(qubits) and None),
    "delay": Kind(1, _delay),
    "box": Kind(1, _box),
    "measure": Kind(1, _measure, unitary=False),
    "reset": Kind(1, lambda circuit, qubits, _: circuit.reset(qubits) and None, unitary=False),
    "instruction": Kind(2, _instruction, unitary=False),
    "store": Kind(1, _store, unitary=False),
    "if_else": Kind(1, _if_else, unitary=False),
    "switch_case": Kind(1, _switch, unitary=False),
    "while_loop": Kind(1, _while, unitary=False),
    "for_loop": Kind(1, _for, unitary=False),
}
# Of classes that only later versions of Qiskit have.
if hasattr(library, "PauliProductRotationGate"):
    from qiskit.quantum_info import Pauli

    KINDS["pauli product rotation"] = _gate(
        lambda real: library.PauliProductRotationGate(Pauli("YX" if real else "-ZX"), 0.7)
    )
if hasattr(library, "PauliProductMeasurement"):
    KINDS["pauli_product_measurement"] = Kind(2, _pauli_product_measurement, unitary=False)
