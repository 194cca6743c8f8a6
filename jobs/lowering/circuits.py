"""A whole circuit: its bits, registers, metadata and and variables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Bit, ForLoopOp, ParameterExpression, Register

from jobs.errors import LoweringError
from jobs.lowering.model_noise import ModelNoise
from jobs.lowering.program_builder import ProgramBuilder, UnboundNumbers
from jobs.lowering.rules import RULES
from jobs.lowering.scope import Scope
from jobs.lowering.walk import lower_instructions
from jobs.noise import Attacher
from simulator.circuit import program
from simulator.errors import InvalidProgramError

#: Names that one message lists.
_SHOWN = 20


def lower(circuit: QuantumCircuit, *, from_ground: bool = True, noise: Attacher | None = None) -> program.Program:
    """Return the Program of a circuit; `LoweringError` names what it cannot say.

    ``from_ground`` says that every qubit begins in ``|0>``: a state preparation that comes first on its qubits is
    then its amplitudes, and not the gates of its synthesis. Pass False for a unitary, or another initial state.
    ``noise`` are the errors of its operations: `BasicAerError` names one that does not fit.
    """
    return _lowered(circuit, from_ground, None, noise)


def lower_template(
    circuit: QuantumCircuit, *, from_ground: bool = True, noise: Attacher | None = None
) -> tuple[program.Program, Mapping[tuple[int, int], ParameterExpression], Sequence[ParameterExpression]]:
    """Return the Program of a circuit with unbound parameters, and the expressions of its unbound numbers.

    First (index of a gate, index of a number in it) -> the expression that the number is, then the expressions
    that are to be added to the Program's global phase. `LoweringError` also where a parameter is in control flow,
    or decides how an instruction is synthesised: then its values must be known first.
    """
    numbers = UnboundNumbers()
    return _lowered(circuit, from_ground, numbers, noise), numbers.of_gates, numbers.of_phase


def _lowered(
    circuit: QuantumCircuit, from_ground: bool, numbers: UnboundNumbers | None, noise: Attacher | None
) -> program.Program:
    if not isinstance(circuit, QuantumCircuit):
        raise LoweringError(f"a QuantumCircuit is needed, not {type(circuit).__name__} {circuit!r}")
    builder = ProgramBuilder(circuit.name, from_ground, unbound=numbers)
    qubits: dict[Any, int] = dict(zip(circuit.qubits, count(), strict=False))
    clbits: dict[Any, int] = dict(zip(circuit.clbits, count(), strict=False))
    scope = Scope(builder, RULES, qubits, clbits, [], noise=None if noise is None else ModelNoise(noise, builder))
    _refuse_unbound(circuit, scope)
    try:
        lower_instructions(circuit, scope)
        return program.Program(
            num_qubits=len(qubits),
            num_clbits=len(clbits),
            instructions=tuple(scope.out),
            header=_header(circuit, qubits, clbits),
            global_phase=builder.global_phase,
            variables=tuple(builder.variables),
            channels=tuple(builder.channels),
        )
    except InvalidProgramError as error:
        raise scope.error(str(error)) from error
    except RecursionError as error:
        raise scope.error("its instructions nest too deeply") from error


def _refuse_unbound(circuit: QuantumCircuit, scope: Scope) -> None:
    """Refuse parameters and input variables, which have no value."""
    # Qiskit 2.0 counts the parameters of its loops among a circuit's own; later ones do not.
    if circuit.parameters and scope.builder.unbound is None:
        bound = set(_loop_parameters(circuit))
        parameters = [parameter.name for parameter in circuit.parameters if parameter not in bound]
        if parameters:
            raise scope.error(
                f"its parameters have no values: {_listed(parameters)}; give them with "
                "run(..., parameter_binds=[{...}]) or circuit.assign_parameters(...)"
            )
    if circuit.num_input_vars:
        inputs = [variable.name or "" for variable in circuit.iter_input_vars()]
        raise scope.error(
            f"its input variables have no values: {_listed(inputs)}; declare them with circuit.add_var(...)"
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _loop_parameters(circuit: QuantumCircuit) -> Iterator[Any]:
    """Yield what stands for the index of each loop, at any depth."""
    for instruction in circuit.data:
        if instruction.is_control_flow():
            if isinstance(instruction.operation, ForLoopOp):
                yield instruction.operation.params[1]
            for block in instruction.operation.blocks:
                yield from _loop_parameters(block)


def _header(circuit: QuantumCircuit, qubits: Mapping[Any, int], clbits: Mapping[Any, int]) -> program.Header:
    return program.Header(
        name=str(circuit.name),
        qregs=_registers(circuit.qregs, qubits),
        cregs=_registers(circuit.cregs, clbits),
        metadata=metadata_of(circuit.metadata),
    )


def _registers(registers: Iterable[Register], index_of: Mapping[Bit, int]) -> tuple[program.Register, ...]:
    return tuple([program.Register(each.name, tuple(map(index_of.__getitem__, each[:]))) for each in registers])


def metadata_of(metadata: Any) -> str | None:
    """Return metadata as JSON text; None where JSON cannot hold all of it."""
    if type(metadata) is dict and not metadata:
        return "{}"  # that of most circuits
    try:
        text = json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if json.loads(text) == metadata else None
