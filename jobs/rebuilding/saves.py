"""What a Program saves -> instructions of the names that Aer has for it, which can be submitted again."""

from __future__ import annotations

from qiskit.circuit import Instruction

from jobs.lowering.rules import save_name
from jobs.rebuilding.circuit_builder import CircuitBuilder
from jobs.rebuilding.observables import labelled
from simulator.circuit.instructions import Save


class SaveInstruction(Instruction):
    """An instruction that saves, with the name, the label and the parameters that Aer's has."""

    _directive = True

    def __init__(self, save: Save) -> None:
        terms: dict[str, list[float]] = {}
        for which, each in enumerate(save.sums):
            for label, coefficient in labelled(each, len(save.qubits)):
                terms.setdefault(label, [0.0, 0.0])[which] += coefficient
        params = [(label, tuple(both)) for label, both in terms.items()]
        super().__init__(save_name(save), len(save.qubits), 0, params, label=save.key)


def rebuild_save(save: Save, builder: CircuitBuilder) -> None:
    """Add what saves to a circuit."""
    builder.append_operation(SaveInstruction(save), save.qubits)
