"""A circuit as data: what crosses the wire and what the engine runs.

Every value here is a frozen ``msgspec`` Struct, checked when it is built, so no half-valid Program exists, whether
it came from `jobs.lower` or from the wire. Instructions and the order of bits are in
`simulator.circuit.instructions`.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from simulator.circuit.channel import Channel
from simulator.circuit.expression import Type
from simulator.circuit.instructions import Barrier, Delay, Gate, Instruction, Measure, Noise, Save
from simulator.circuit.traversal import CLASSICAL, clbits_of, nesting, qubits_of, qubits_within, variables_of, walk
from simulator.errors import InvalidProgramError

#: Far beyond what can run, so that no number of bytes or of values overflows on the way.
MAX_QUBITS = 10_000
MAX_CLBITS = 1 << 20
#: Clbits that a memory may have to be one number of an array.
WORD_BITS = 63
MAX_CHANNELS = 1 << 16
#: Bodies in bodies; what looks at them may recurse.
MAX_NESTING = 100
#: Qubits of an instruction whose check is remembered. Of longer tuples, a message could hold many of equal hash.
_REMEMBERED = 3


class Register(msgspec.Struct, frozen=True, array_like=True):
    """A named list of bits; registers may share bits."""

    name: str
    bits: tuple[int, ...]


class Variable(msgspec.Struct, frozen=True, array_like=True):
    """A declared classical variable; instructions name it by its index in `Program.variables`."""

    name: str
    type: Type


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What a result repeats of its circuit; nothing here changes what is simulated."""

    name: str
    qregs: tuple[Register, ...] = ()
    cregs: tuple[Register, ...] = ()
    #: JSON text; None where the metadata is not JSON (it then stays with the client).
    metadata: str | None = "{}"


class Program(msgspec.Struct, frozen=True, array_like=True):
    """One circuit, ready to run: no parameter is open, no instruction is unknown."""

    num_qubits: int
    num_clbits: int
    instructions: tuple[Instruction, ...]
    header: Header
    #: Radians.
    global_phase: float = 0.0
    variables: tuple[Variable, ...] = ()
    #: What its `Noise` instructions apply, by index.
    channels: tuple[Channel, ...] = ()

    @property
    def name(self) -> str:
        """The circuit's name."""
        return self.header.name

    @property
    def outline(self) -> Program:
        """It without its instructions: what a result repeats."""
        return msgspec.structs.replace(self, instructions=(), channels=())

    @property
    def metadata(self) -> dict[str, Any]:
        """The circuit's metadata; empty where it is not JSON."""
        return json.loads(self.header.metadata or "{}")  # type: ignore[no-any-return]

    def uses_more_qubits(self, most: int) -> bool:
        """Whether more are in use than this: what was transpiled for a wide device is no wider for it."""
        if self.num_qubits <= most:
            return False
        used: set[int] = set()
        for instruction in self.instructions:
            if not isinstance(instruction, (Barrier, Delay)):
                used |= qubits_within(instruction)
                if len(used) > most:
                    return True
        return False

    def __post_init__(self) -> None:
        if not (0 <= self.num_qubits <= MAX_QUBITS and 0 <= self.num_clbits <= MAX_CLBITS):
            raise InvalidProgramError(
                f"{self.num_qubits} qubits and {self.num_clbits} clbits; "
                f"there may be 0 to {MAX_QUBITS} and 0 to {MAX_CLBITS}"
            )
        if not math.isfinite(self.global_phase):
            raise InvalidProgramError(f"global phase {self.global_phase} is not finite")
        if len(self.channels) > MAX_CHANNELS:
            raise InvalidProgramError(f"{len(self.channels)} channels; there may be {MAX_CHANNELS}")
        if nesting(self.instructions) > MAX_NESTING:
            raise InvalidProgramError(f"control flow is nested more than {MAX_NESTING} deep")
        self._check_instructions()

    def _check_instructions(self) -> None:
        """Each instruction is about what the program has."""
        # A circuit uses the same few pairs of qubits over and over: what was checked needs no other look.
        checked: set[tuple[int, ...]] = set()
        keys: set[str] = set()
        for instruction in walk(self.instructions):
            if type(instruction) is Gate:  # by far the most frequent
                qubits = instruction.targets + instruction.controls
            elif type(instruction) is Measure:
                qubits = (instruction.qubit,)
                if not 0 <= instruction.clbit < self.num_clbits:
                    self._check_classical(instruction)
            else:
                qubits = qubits_of(instruction)
                if type(instruction) in CLASSICAL:
                    self._check_classical(instruction)
                elif type(instruction) is Save:
                    self._check_save(instruction, keys)
                elif type(instruction) is Noise:
                    self._check_noise(instruction)
            if qubits not in checked:
                self._check_qubits(qubits)
                if len(qubits) <= _REMEMBERED:
                    checked.add(qubits)

    def _check_qubits(self, qubits: tuple[int, ...]) -> None:
        """Each qubit exists and is used once."""
        if len(set(qubits)) != len(qubits):
            raise InvalidProgramError(f"an instruction names a qubit twice: {qubits}")
        for qubit in qubits:
            if not 0 <= qubit < self.num_qubits:
                raise InvalidProgramError(f"qubits {qubits} of an instruction; the circuit has {self.num_qubits}")

    def _check_classical(self, instruction: Instruction) -> None:
        """Clbits and variables exist."""
        for clbit in clbits_of(instruction):
            if not 0 <= clbit < self.num_clbits:
                raise InvalidProgramError(f"clbit {clbit}; the circuit has {self.num_clbits}")
        for variable in variables_of(instruction):
            if not 0 <= variable < len(self.variables):
                raise InvalidProgramError(f"variable {variable}; the circuit has {len(self.variables)}")

    def _check_noise(self, noise: Noise) -> None:
        """Its channel exists, and has as many qubits."""
        if not 0 <= noise.channel < len(self.channels):
            raise InvalidProgramError(f"channel {noise.channel}; the circuit has {len(self.channels)}")
        width = self.channels[noise.channel].num_qubits
        if width != len(noise.qubits):
            raise InvalidProgramError(f"a channel on {width} qubits, applied to {len(noise.qubits)}")

    def _check_save(self, save: Save, keys: set[str]) -> None:
        """Its key is its own, and a statevector is one of all qubits."""
        if save.key in keys:
            raise InvalidProgramError(f"two instructions save under the key {save.key!r}: give one another label")
        keys.add(save.key)
        if save.what == "statevector" and len(save.qubits) != self.num_qubits:
            raise InvalidProgramError(
                f"a statevector of {len(save.qubits)} qubits, and the circuit has {self.num_qubits}: save it of "
                "all, or the density matrix of some"
            )
