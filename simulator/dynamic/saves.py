"""What the options save of every circuit, as instructions before its final measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from simulator.circuit.instructions import Instruction, Measure, Save
from simulator.circuit.program import Program
from simulator.circuit.traversal import any_bodies, walk
from simulator.errors import InvalidProgramError
from simulator.options import SavedAtEnd


def saves_at_end(saves: Sequence[SavedAtEnd], program: Program, final: Sequence[Measure]) -> list[Save]:
    """Return the instructions; ``final`` are the measurements behind them, in their order.

    InvalidProgramError where the program saves under their keys.
    """
    if not saves:
        return []
    qubits = tuple(range(program.num_qubits))
    found = [
        _of_clbits(final) if what == "probability_distribution" else Save(what, what, qubits) for what in saves
    ]
    taken = {save.key for save in saves_in(program.instructions)}
    for save in found:
        if save.key in taken:
            raise InvalidProgramError(
                f"it saves under {save.key!r}, as the option of this name does: give it "
                "another label, or leave the option out"
            )
    return found


def saves_in(instructions: Sequence[Instruction]) -> tuple[Save, ...]:
    """Return all that some instructions save, bodies included."""
    if Save not in set(map(type, instructions)) and not any_bodies(instructions):
        return ()  # most programs
    return tuple([each for each in walk(instructions) if isinstance(each, Save)])


def refuse_random(random: Iterable[Instruction]) -> None:
    """Raise an error that names the first of some instructions that make several states of one."""
    for instruction in random:
        raise InvalidProgramError(
            f"it has a {type(instruction).__name__.lower()} on its way, so there is no one "
            "state before its final measurements: put save_density_matrix or save_probabilities into the circuit, "
            'which are means over shots, or take method="density_matrix", for which noise is not random'
        )


def _of_clbits(final: Sequence[Measure]) -> Save:
    # The last measurement into a clbit is what it has.
    qubit_of = {measure.clbit: measure.qubit for measure in final}
    qubits = tuple(dict.fromkeys(qubit_of.values()))
    clbits = tuple([tuple([clbit for clbit, of in qubit_of.items() if of == qubit]) for qubit in qubits])
    return Save("probability_distribution", "probabilities", qubits, clbits=clbits)
