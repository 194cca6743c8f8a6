"""What a noise model puts around the operations of a circuit while it is lowered.

Errors come after the operation, in control flow too; those of "measure" before it, and what a measurement misreads
after it. What a definition is made of has none: the errors are those of the operation that it defines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from qiskit.circuit import CircuitInstruction, Clbit

from jobs.lowering.program_builder import ProgramBuilder
from jobs.noise import Attacher
from simulator.circuit.instructions import Noise, Readout


class Around(NamedTuple):
    """What comes before an operation, and what behind it."""

    before: tuple[Noise, ...]
    behind: tuple[Noise | Readout, ...]


class ModelNoise:
    """Makes the noise of one Program of the errors that a model has."""

    def __init__(self, attacher: Attacher, builder: ProgramBuilder) -> None:
        self._attacher, self._builder = attacher, builder
        #: Of operations without a label, by their names and qubits.
        self._known: dict[tuple[str, tuple[int, ...]], Around] = {}

    def around(
        self, instruction: CircuitInstruction, qubits: tuple[int, ...], clbits: Mapping[Clbit, int]
    ) -> Around:
        """Return the noise of an operation on these qubits of the Program; its own clbits are those of a scope."""
        name = instruction.name
        has_label = instruction.label is not None
        found = None if has_label else self._known.get((name, qubits))
        if found is not None:
            return found
        builder = self._builder
        noise = tuple(
            [
                Noise(builder.channel_index(channel), tuple([qubits[place] for place in places]))
                for channel, places in self._attacher.errors(instruction, qubits, builder.name)
            ]
        )
        if name == "measure":
            table = self._attacher.readout_table(qubits[0])
            read = tuple(map(clbits.__getitem__, instruction.clbits))
            return Around(noise, () if table is None else (Readout(read, table),))
        found = Around((), noise)
        # How long a delay lasts is its own.
        if not (has_label or name == "delay"):
            self._known[name, qubits] = found
        return found
