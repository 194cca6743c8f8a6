"""What `transpile` may leave in a circuit for each simulator."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qiskit.circuit import (
    Barrier,
    BoxOp,
    BreakLoopOp,
    ContinueLoopOp,
    Delay,
    ForLoopOp,
    IfElseOp,
    Instruction,
    Measure,
    Parameter,
    Reset,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.library import (
    DiagonalGate,
    Initialize,
    PauliGate,
    PermutationGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.transpiler import Target

from jobs.lowering.rules import SAVES
from jobs.lowering.standard import STANDARD_GATES
from jobs.rebuilding.saves import SaveInstruction
from simulator.options import Output

#: On any number of qubits, so added as classes; a fixed width must come as an instance, or layout passes fail.
_UNITARY_CLASSES: Mapping[str, type[Instruction]] = MappingProxyType(
    {
        "barrier": Barrier,
        "diagonal": DiagonalGate,
        "pauli": PauliGate,
        "permutation": PermutationGate,
        "unitary": UnitaryGate,
    }
)
_OTHER_CLASSES: Mapping[str, type[Instruction]] = MappingProxyType(
    {
        "initialize": Initialize,
        "if_else": IfElseOp,
        "while_loop": WhileLoopOp,
        "for_loop": ForLoopOp,
        "switch_case": SwitchCaseOp,
        "break_loop": BreakLoopOp,
        "continue_loop": ContinueLoopOp,
        "box": BoxOp,
        "store": Store,
    }
)


def build_target(output: Output, num_qubits: int | None = None) -> Target:
    """Return the Target of a simulator; all its qubits are alike and all connected.

    With ``num_qubits`` None, transpiling keeps any circuit's width. A unitary has neither measurements,
    resets, initializations nor control flow.
    """
    target = Target(description=f'BasicAer, output "{output}"', num_qubits=num_qubits)
    for name, gate in get_standard_gate_name_mapping().items():
        if name in STANDARD_GATES:
            target.add_instruction(gate, name=name)
    target.add_instruction(Delay(Parameter("t")))
    classes = dict(_UNITARY_CLASSES)
    if output != "unitary":
        target.add_instruction(Measure())
        target.add_instruction(Reset())
        classes |= _OTHER_CLASSES
        # As classes, by which their width is any.
        classes |= dict.fromkeys([*SAVES, "set_statevector"], SaveInstruction)
    for name, cls in classes.items():
        target.add_instruction(cls, name=name)
    return target
