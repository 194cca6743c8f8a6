"""A program as trajectories see it: gates and sites of errors, and measurements and readout errors at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, cast

from simulator.circuit.array import Array
from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Diagonal,
    Gate,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Permutation,
    Readout,
    Reset,
    Unitary,
)
from simulator.circuit.program import WORD_BITS, Program
from simulator.circuit.remembered import remembered
from simulator.circuit.traversal import qubits_of, unboxed
from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan import Evolving
from simulator.trajectories.mixture import Mixture, mixture_of


class Site(NamedTuple):
    """A place where an error may happen."""

    #: Index of a mixture.
    mixture: int
    qubits: tuple[int, ...]


#: In the order of the circuit.
Operation: TypeAlias = Evolving | Site


@dataclass(frozen=True, slots=True, eq=False)
class NoisyCircuit:
    """What happens to the qubits, and what is read of them at the end."""

    operations: list[Operation]
    mixtures: tuple[Mixture, ...]
    #: The qubits that anything is done to before their measurement, ascending.
    qubits: tuple[int, ...]
    #: Measurements, and readout errors of what they wrote, in their order.
    ending: tuple[Measure | Readout, ...]

    @property
    def sites(self) -> list[Site]:
        """All sites, in the order of the circuit."""
        return [each for each in self.operations if type(each) is Site]


def refusal(program: Program, *, from_ground: bool = True, checkpoint: Checkpoint = no_checkpoint) -> str | None:
    """Return why a program has no trajectories, naming its first instruction that is to blame; None: it has."""
    try:
        _read(program, from_ground, checkpoint=checkpoint)
    except InvalidProgramError as error:
        return str(error)
    return None


def read_circuit(
    program: Program, *, from_ground: bool = True, checkpoint: Checkpoint = no_checkpoint
) -> NoisyCircuit:
    """Read a program; InvalidProgramError names the first instruction that trajectories cannot do."""
    before, ending = _read(program, from_ground, checkpoint=checkpoint)
    mixtures = []
    for channel in program.channels:
        checkpoint()
        mixtures.append(mixture_of(channel))
    operations: list[Operation] = []
    for each in with_checkpoints(before, checkpoint):
        if not isinstance(each, Noise):
            operations.append(each)
            continue
        mixture = mixtures[each.channel]
        for places, matrix in mixture.always:
            operations.append(Unitary(Array.of(matrix), tuple([each.qubits[place] for place in places])))
        if mixture.probability > 0:
            operations.append(Site(each.channel, each.qubits))
    used: set[int] = set() if from_ground else set(range(program.num_qubits))
    for operation in with_checkpoints(operations, checkpoint):
        used.update(operation.qubits if isinstance(operation, Site) else qubits_of(operation))
    return NoisyCircuit(operations, tuple(mixtures), tuple(sorted(used)), tuple(ending))


@remembered
def _read(
    program: Program,
    from_ground: bool,
    *,
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[list[Evolving | Noise], list[Measure | Readout]]:
    """Return what happens before the final measurements, and these with their readout errors."""
    before: list[Evolving | Noise] = []
    ending: list[Measure | Readout] = []
    touched: set[int] = set() if from_ground else set(range(program.num_qubits))
    measured: set[int] = set()
    for place, instruction in enumerate(with_checkpoints(unboxed(program.instructions), checkpoint)):
        if isinstance(instruction, (Measure, Readout)):
            ending.append(instruction)
            if isinstance(instruction, Measure):
                measured.add(instruction.qubit)
            continue
        qubits = qubits_of(instruction)
        if _does_nothing(instruction, touched):
            continue
        if not isinstance(instruction, _EVOLVING) and not _prepares(instruction, touched):
            raise InvalidProgramError(
                f"{_named(instruction, place)} is none of a gate, noise, and a measurement at the end"
            )
        for qubit in qubits:
            if qubit in measured:
                raise InvalidProgramError(
                    f"{_named(instruction, place)} acts on qubit {qubit}, which was measured before"
                )
        touched.update(qubits)
        before.append(cast("Evolving | Noise", instruction))
    clbits = {each.clbit for each in ending if isinstance(each, Measure)}
    if len(clbits) > WORD_BITS:
        raise InvalidProgramError(
            f"its measurements write {len(clbits)} clbits, and trajectories may write {WORD_BITS}"
        )
    return before, ending


_EVOLVING = (Gate, Noise, Unitary, Diagonal, Permutation)


def _does_nothing(instruction: Instruction, touched: set[int]) -> bool:
    """Whether an instruction changes nothing that is measured, given the qubits that may not be in |0>."""
    if isinstance(instruction, Gate):
        return instruction.name == "id" or not instruction.targets + instruction.controls
    if isinstance(instruction, Reset):
        return instruction.qubit not in touched
    return isinstance(instruction, (Barrier, Delay))


def _prepares(instruction: Instruction, touched: set[int]) -> bool:
    """Whether an instruction is an `Initialize` of qubits in |0>."""
    return isinstance(instruction, Initialize) and touched.isdisjoint(instruction.targets)


def _named(instruction: Instruction, place: int) -> str:
    name = type(instruction).__name__.lower()
    return f"instruction {place}, {name},"
