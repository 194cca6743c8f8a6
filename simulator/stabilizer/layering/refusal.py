"""Why a program cannot be run with stabilizers: the first instruction that they cannot do, by name and place."""

from __future__ import annotations

from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Gate,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Readout,
    Reset,
    Save,
    Unitary,
)
from simulator.circuit.program import Program
from simulator.circuit.traversal import qubits_of, walk
from simulator.stabilizer.cliffords.recognition import DENSE, gate, initialization, unitary
from simulator.stabilizer.layering.control_flow import reason_against_flow
from simulator.stabilizer.noise import pauli_channel

#: What stabilizers do whatever is in it.
_ALWAYS = frozenset({Barrier, Delay, Measure, Readout, Reset})
#: Qubits that are named.
_NAMED = 4


def refusal(program: Program) -> str | None:
    """Return which instruction is the first that cannot be run with stabilizers, and why; None: there is none."""
    bad_channels: dict[int, bool] = {}
    for place, instruction in enumerate(walk(program.instructions)):
        if type(instruction) is Gate:  # by far the most frequent
            found = gate(
                instruction.name, instruction.params, len(instruction.controls), instruction.control_state
            )
            reason = "it is not Clifford" if found is None else None
        elif isinstance(instruction, Noise):
            number = instruction.channel
            if number not in bad_channels:
                bad_channels[number] = pauli_channel(program.channels[number]) is None
            reason = "the operators of the channel are not Paulis" if bad_channels[number] else None
        elif type(instruction) in _ALWAYS:
            reason = None
        else:
            reason = _reason_against(instruction)
        if reason:
            return f"{_named(instruction)}{_where(instruction)} (instruction {place}): {reason}"
    return None


def _reason_against(instruction: Instruction) -> str | None:
    if isinstance(instruction, DENSE):
        return None if unitary(instruction) is not None else "it is not Clifford"
    if isinstance(instruction, Initialize):
        return None if initialization(instruction) else "its amplitudes are not those of a stabilizer state"
    if isinstance(instruction, Save):
        return "states are not kept as amplitudes"
    return reason_against_flow(instruction)


def _named(instruction: Instruction) -> str:
    """Return the name that an instruction is known by, in quotes, with its angles."""
    if isinstance(instruction, Gate):
        angles = ", ".join(f"{param:.6g}" for param in instruction.params)
        name = "c" * len(instruction.controls) + instruction.name + (f"({angles})" if angles else "")
    elif isinstance(instruction, Unitary):
        name = instruction.label or "unitary"
    elif isinstance(instruction, Save):
        name = f"save_{instruction.what}"
    else:
        name = type(instruction).__name__.lower()
    return f'"{name}"'


def _where(instruction: Instruction) -> str:
    qubits = qubits_of(instruction)
    some = ", ".join(map(str, qubits[:_NAMED])) + (", ..." if len(qubits) > _NAMED else "")
    return f" on qubit{'' if len(qubits) == 1 else 's'} {some}" if qubits else ""
