"""What is refused before a job is submitted: functions of a circuit, the job's options, and the backend's limits.

Each raises `BasicAerError`, which names the circuit, the value and the limit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from jobs.errors import BasicAerError
from jobs.lowering import save_name
from jobs.warned import warn_user
from simulator.choice import engine_for
from simulator.circuit import instructions
from simulator.circuit.pauli_sum import PauliSum, check_qubits
from simulator.circuit.program import Program
from simulator.circuit.traversal import walk
from simulator.density import DENSITY_MATRIX
from simulator.dynamic.saves import saves_in
from simulator.errors import InvalidProgramError
from simulator.method import Engine
from simulator.monitor import no_checkpoint
from simulator.mps import MATRIX_PRODUCT_STATE
from simulator.options import Options, Output
from simulator.shards.shard import with_numbers
from simulator.sizes import size
from simulator.stabilizer import STABILIZER
from simulator.statevector import STATEVECTOR
from worker.settings import Settings

logger = logging.getLogger(__name__)

#: A Program is a file's, which was lowered where it was read: it prepares no states, so it fits every backend.
Circuit: TypeAlias = QuantumCircuit | Program

#: Instructions that have no unitary, by the names Qiskit gives them.
_NOT_UNITARY = {
    instructions.Measure: "measure",
    instructions.Reset: "reset",
    instructions.Initialize: "initialize",
    instructions.Noise: "kraus",
    instructions.Readout: "roerror",
    instructions.Store: "store",
    instructions.IfElse: "if_else",
    instructions.While: "while_loop",
    instructions.For: "for_loop",
    instructions.Switch: "switch_case",
    instructions.Break: "break_loop",
    instructions.Continue: "continue_loop",
}


@dataclass(frozen=True)
class SubmitContext:
    """The backend that a job is submitted to, and what it accepts now."""

    output: Output
    #: The backend's name and version.
    backend: str
    version: str
    #: How many qubits may be in use at once.
    max_qubits: int
    #: The owner of its jobs, and the other limits.
    settings: Settings
    #: How many qubits a circuit may have in all; None: any number.
    device_qubits: int | None = None


def check_input(run_input: Any) -> Iterator[Circuit]:
    """Yield the circuits that `run` was given; refuse whatever is none."""
    circuits = [run_input] if isinstance(run_input, (QuantumCircuit, Program)) else run_input
    if isinstance(circuits, (str, bytes)) or not isinstance(circuits, Iterable):
        raise BasicAerError(f"run() takes a QuantumCircuit or several, not {type(run_input).__name__}")
    for index, circuit in enumerate(circuits):
        if not isinstance(circuit, (QuantumCircuit, Program)):
            raise BasicAerError(
                f"run() takes QuantumCircuits; number {index} is a {type(circuit).__name__}: {circuit!r}"
            )
        try:
            str(circuit.name).encode()
        except UnicodeEncodeError as error:
            raise BasicAerError(f"the name of circuit number {index} is no text: {circuit.name!r}") from error
        yield circuit


def check_circuit(circuit: Circuit, options: Options, context: SubmitContext) -> None:
    """Refuse what can be told of a circuit before it is lowered, which takes long where it is large."""
    if context.device_qubits is not None and circuit.num_qubits > context.device_qubits:
        raise BasicAerError(
            f'circuit "{circuit.name}" has {circuit.num_qubits} qubits, and the device whose noise it would have '
            f'has {context.device_qubits}: take a wider one, or run on "{context.backend}" with noise_model=...'
        )
    initial = options.initial_state
    if options.output != "counts" or initial is not None:
        _check_width(circuit, circuit.num_qubits, context)
    if initial is None:
        return
    side, name = 1 << circuit.num_qubits, circuit.name
    if options.output == "unitary" and initial.shape != (side, side):
        raise BasicAerError(
            f'initial unitary is incorrect shape: {initial.shape} != {(side, side)}, for circuit "{name}"'
        )
    if options.output != "unitary" and initial.shape[0] != side:
        raise BasicAerError(
            f'initial statevector is incorrect length: {initial.shape[0]} != {side}, for circuit "{name}"'
        )


def check_program(
    circuit: Circuit, program: Program, engine: Engine, options: Options, context: SubmitContext
) -> None:
    """Refuse what has no unitary, and too many qubits; warn, as BasicAer does, where counts will say nothing."""
    kinds = {type(instruction) for instruction in walk(program.instructions)}
    name, output = program.header.name, options.output
    if output == "unitary":
        unsupported = [unsupported for kind, unsupported in _NOT_UNITARY.items() if kind in kinds]
        unsupported += [save_name(save) for save in saves_in(program.instructions)]
        if unsupported:
            raise BasicAerError(
                f'Unsupported "{context.backend}" instruction "{unsupported[0]}" in circuit "{name}".'
            )
    elif instructions.Save in kinds or options.saves or options.expectations:
        pass  # counts are not all that is asked for
    elif output == "counts" and program.num_clbits == 0:
        logger.warning('No classical registers in circuit "%s", counts will be empty.', name)
    elif output == "counts" and not kinds & {instructions.Measure, instructions.Store}:
        logger.warning('No measurements in circuit "%s", classical register will remain all zeros.', name)
    if circuit.num_qubits > context.max_qubits or engine is not STATEVECTOR:
        width = engine.width(program, options)
        _check_width(
            circuit, width, context, _hint(program, engine, options) if width > context.max_qubits else ""
        )


def typical_row(
    template: Program, param_indices: Sequence[tuple[int, int]], values: NDArray[np.float64], options: Options
) -> Program:
    """Return what to check of a sweep: the first row that is not Clifford, if stabilizers are to run it."""
    try:
        if engine_for(template, options) is not STABILIZER:
            return template
    except InvalidProgramError:
        return template  # what is wrong is said where it is checked
    rows = (with_numbers(template, param_indices, row) for row in values.tolist())
    return next((row for row in rows if STABILIZER.refusal(row, options, no_checkpoint) is not None), template)


def check_observables(
    program: Program, engine: Engine, observables: Sequence[PauliSum], shots: int, options: Options
) -> None:
    """Refuse observables that act on a qubit which a circuit does not have, and means over no shots.

    Warn where noise makes means over shots of what a density matrix has exactly.
    """
    if observables and not engine.is_exact(program, options):
        _say_means(program, shots, options)
    try:
        check_qubits(observables, program.num_qubits)
    except InvalidProgramError as error:
        raise BasicAerError(f'the observables do not fit circuit "{program.name}": {error}') from error


def _say_means(program: Program, shots: int, options: Options) -> None:
    """Refuse a mean over no shots; warn of one, if there is an exact value to be had."""
    random = "has noise" if program.channels else "measures or resets on its way"
    said = f'circuit "{program.name}" {random}, so its expectation values are means over shots'
    is_exact = DENSITY_MATRIX.refusal(program, options, no_checkpoint) is None
    way_out = '; method="density_matrix" gives exact ones, if its memory allows' if is_exact else ""
    if not shots:
        raise BasicAerError(f"{said}: shots=0 must be at least 1{way_out}")
    if is_exact and options.method == "automatic":
        warn_user(f"{said}: {shots} here{way_out}")


def check_saves(
    program: Program, engine: Engine, options: Options, observables: Sequence[PauliSum]
) -> tuple[instructions.Save, ...]:
    """Return all that a circuit saves; refuse labels that its result has already.

    Also refuse options that save a state where there is no one state.
    """
    taken = {"counts", "memory", *(["expectation_values", "expectation_value_stds"] if observables else [])}
    for save in saves_in(program.instructions):
        if save.key in taken:
            raise BasicAerError(
                f'circuit "{program.name}" saves under {save.key!r}, where its result has other data: '
                "give it another label"
            )
    try:
        return engine.saves(program, options) if options.saves else saves_in(program.instructions)
    except InvalidProgramError as error:
        raise BasicAerError(f'circuit "{program.name}": {error}') from error


def check_totals(circuit: Circuit, count: int, sure_bytes: int, options: Options, context: SubmitContext) -> None:
    """Refuse a job of too many circuits, or with a result that no worker may store; ``circuit`` is its last."""
    settings = context.settings
    if settings.max_circuits is not None and count > settings.max_circuits:
        raise BasicAerError(
            f"the job has {count} circuits or more, and may have {settings.max_circuits}: submit several "
            "jobs, or raise BASICAER_MAX_CIRCUITS"
        )
    if sure_bytes > settings.max_result_bytes:
        memory = ", take fewer shots or no memory" if options.memory else ""
        raise BasicAerError(
            f'the result has {size(sure_bytes, up=True)} or more, up to circuit "{circuit.name}" '
            f"({circuit.num_qubits} qubits); the limit is {size(settings.max_result_bytes)}: "
            f"submit fewer or narrower circuits{memory}, or raise BASICAER_MAX_RESULT_BYTES"
        )


def _hint(program: Program, engine: Engine, options: Options) -> str:
    """Return what may run a circuit for which there is no room in this way."""
    if engine is MATRIX_PRODUCT_STATE:
        return "" if options.max_bond else " max_bond=... takes less, and makes results approximate."
    if not options.saves and MATRIX_PRODUCT_STATE.refusal(program, options, no_checkpoint) is None:
        return ' method="matrix_product_state" may run it, if it entangles little.'
    return ""


def _check_width(circuit: Circuit, num_qubits: int, context: SubmitContext, hint: str = "") -> None:
    """Refuse a circuit that uses so many qubits at once."""
    limit, whole = context.max_qubits, circuit.num_qubits
    if num_qubits > limit:
        used = f", which has {whole} and uses {num_qubits} at once" if num_qubits < whole else ""
        if num_qubits > whole:
            used = f", whose {whole} qubits take as much memory as {num_qubits} of a statevector"
        raise BasicAerError(
            f'Number of qubits {num_qubits} is greater than maximum ({limit}) for "{context.backend}". '
            f'The circuit is "{circuit.name}"{used}; the maximum follows the memory of the workers, '
            f"and is BASICAER_MAX_QUBITS while none is up.{hint}"
        )
