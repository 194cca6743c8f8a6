"""Run a Program: counts, a statevector, or a unitary. And run a Shard, which holds several.

`run` is a pure function of its arguments: the same program, options and seed give the same result, bit for bit,
on one architecture and BLAS. How it plans, and which kernels it calls, is behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.program import Program
from simulator.dynamic.analysis import qubits_at_once, unitary_instructions
from simulator.dynamic.branching import Interpreter
from simulator.dynamic.flow import compile_program
from simulator.errors import InvalidProgramError, MemoryRefusedError
from simulator.evolve import statevector
from simulator.evolve.evolution import Evolution
from simulator.kernels.result_amplitudes import to_complex
from simulator.monitor import SILENT, Checkpoint, Monitor
from simulator.piecewise import integers
from simulator.rng import Uniforms
from simulator.sampling.sampling import collapse, sample
from simulator.sampling.tally import Tally
from simulator.shards.shards import Method, Precision
from simulator.tuning import TUNING, Tuning

#: Bits of a state that NumPy can address; memory ends far earlier.
_MAX_STATE_BITS = 48
_DTYPES: Mapping[Precision, type[Any]] = MappingProxyType({"double": np.complex128, "single": np.complex64})
#: Of circuits whose amplitudes are all real.
_REAL_DTYPES: Mapping[Precision, type[Any]] = MappingProxyType({"double": np.float64, "single": np.float32})


@dataclass(frozen=True, slots=True)
class CircuitResult:
    """What one circuit gave; None where its method gives no such thing."""

    #: Hex key -> shots; clbit 0 is the least significant bit. Empty without clbits or shots.
    counts: dict[str, int] | None = None
    #: One hex key a shot, in the order of shots; None if not asked for.
    memory: list[str] | None = None
    #: The statevector, shape (2^n,), or the unitary, shape (2^n, 2^n): complex128; complex64 in single precision.
    state: NDArray[np.complexfloating] | None = None


def run(  # noqa: PLR0913 (the options of a run)
    program: Program,
    *,
    seed: int,
    method: Method = "qasm",
    shots: int = 1024,
    first: int = 0,
    memory: bool = False,
    initial_state: NDArray[np.generic] | None = None,
    chop_threshold: float = 1e-15,
    sample_measuring: bool = True,
    precision: Precision = "double",
    monitor: Monitor = SILENT,
    tuning: Tuning = TUNING,
) -> CircuitResult:
    """Simulate a program.

    Args:
        program: the circuit.
        seed: 0 <= seed < 2^63; with the program it fixes every outcome.
        method: "qasm" gives counts (and memory); "statevector" runs one shot and gives the state after it, and its
            counts; "unitary" gives the matrix, and refuses what is not unitary.
        shots: of the method "qasm".
        first: the number of the first shot: shots that are run apart are the same that they are together.
        memory: whether to give each shot's outcome.
        initial_state: shape (2^n,), or (2^n, 2^n) for "unitary"; None: |0...0> or the identity.
        chop_threshold: amplitudes of a smaller absolute value are returned as 0.
        sample_measuring: whether final measurements are sampled together; if not, each is done by itself.
        precision: "double" computes with complex128, "single" with complex64: half the memory, about 6 digits.
        monitor: its checkpoint is called before every kernel and every round of a loop; what that raises ends the
            run. Its report is told the fraction that is done.
        tuning: the sizes that work on a state is cut by.

    Raises:
        InvalidProgramError: the method cannot run the program.
        ProgramRuntimeError: a value has no meaning, as after a division by zero.
        MemoryRefusedError: the state is larger than any memory.

    """
    refuse_beyond_memory(program, method, fresh=initial_state is None, sampling=sample_measuring)
    checkpoint = monitor.checkpoint
    dtype = _DTYPES[precision]
    if method == "unitary":
        unitary = _unitary(program, initial_state, dtype, monitor)
        return CircuitResult(
            state=finished_state(unitary, program.global_phase, precision, chop_threshold, checkpoint).reshape(
                1 << program.num_qubits, -1
            )
        )
    one_shot = method == "statevector"
    numbers = integers(0, 1, checkpoint) if one_shot else integers(first, shots, checkpoint)
    tally = Tally(numbers.size, memory=memory, first=first, checkpoint=checkpoint)
    final = None
    if one_shot or (shots and program.num_clbits):
        code = compile_program(
            program,
            fresh=initial_state is None,
            sampling=sample_measuring,
            merging=not one_shot,
            checkpoint=checkpoint,
        )
        real = code.stays_real(checkpoint)
        uniforms = Uniforms(seed)

        def start() -> statevector.Statevector:
            if initial_state is not None:
                amplitudes = _copied(initial_state, (1 << program.num_qubits,), dtype, checkpoint)
                return statevector.vector(amplitudes, tuning)
            own = amplitude_type(precision, real=real)
            return statevector.ground_of(code.qubits, own, dtype if one_shot else None, checkpoint, tuning)

        ended = 0
        # Without a name here, which would keep the memory of the first state.
        for branch in Interpreter(code, uniforms, monitor).run(start(), numbers):
            checkpoint()
            sample(branch, code.final, uniforms, tally, checkpoint)
            ended += branch.num_shots
            monitor.report(ended / numbers.size)
            if one_shot:
                collapse(branch, code.final, uniforms, checkpoint)
                final = finished_state(branch.state, program.global_phase, precision, chop_threshold, checkpoint)
    if not program.num_clbits:
        tally = Tally(0, memory=memory)
    return CircuitResult(*tally.results(), final)


def final_state(
    program: Program, *, precision: Precision = "double", monitor: Monitor = SILENT
) -> statevector.Statevector:
    """Return the state that a program without measurements leaves, with its qubits in any order.

    The global phase is left out. Raises `InvalidProgramError` for what is not unitary.
    """
    refuse_beyond_memory(program, "statevector", fresh=True, sampling=True)
    evolution = Evolution(unitary_instructions(program))
    found = statevector.ground(program.num_qubits, amplitude_type(precision, real=evolution.real))
    evolution.run(found, monitor)
    return found


def _unitary(
    program: Program,
    initial: NDArray[np.generic] | None,
    dtype: type[Any],
    monitor: Monitor,
) -> statevector.Statevector:
    checkpoint = monitor.checkpoint
    instructions = unitary_instructions(program)
    if initial is None:
        rows = statevector.identity(program.num_qubits, dtype, checkpoint)
    else:
        rows = statevector.matrix(_copied(initial, (1 << program.num_qubits,) * 2, dtype, checkpoint))
    Evolution(instructions, checkpoint).run(rows, monitor)
    return rows


def _copied(
    initial: NDArray[np.generic], shape: tuple[int, ...], dtype: type[Any], checkpoint: Checkpoint
) -> NDArray[Any]:
    """Copy an initial state: it will be changed in place."""
    if initial.shape != shape:
        raise InvalidProgramError(f"the initial state has shape {initial.shape}; the circuit asks for {shape}")
    return statevector.contiguous_copy(initial, dtype, checkpoint)


def finished_state(
    final: statevector.Statevector,
    global_phase: float,
    precision: Precision,
    chop_threshold: float,
    checkpoint: Checkpoint,
) -> NDArray[np.complexfloating]:
    """Return the amplitudes in order, with the global phase, and without what is too small."""
    factor = np.exp(1j * global_phase) if global_phase else 1
    return to_complex(final.ordered(checkpoint), _DTYPES[precision], factor, chop_threshold, checkpoint)


def amplitude_type(precision: Precision, *, real: bool) -> type[Any]:
    """Return the type of amplitudes: real where all of them are."""
    return (_REAL_DTYPES if real else _DTYPES)[precision]


def refuse_beyond_memory(program: Program, method: Method, *, fresh: bool, sampling: bool) -> None:
    """Raise `MemoryRefusedError` where the state is larger than any memory; the rest is as in `qubits_at_once`."""
    columns = 2 if method == "unitary" else 1
    if program.num_qubits * columns <= _MAX_STATE_BITS:
        return
    num_qubits = qubits_at_once(program, method, fresh=fresh, sampling=sampling)
    if num_qubits * columns > _MAX_STATE_BITS:
        raise MemoryRefusedError(
            f"{num_qubits} qubits need 32 * {2 * columns}^{num_qubits} bytes: more than any machine has"
        )
