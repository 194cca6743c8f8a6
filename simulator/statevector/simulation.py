"""Run a Program: counts, a statevector, or a unitary. `execution` runs a Shard, which holds several.

`run` is a pure function of its arguments: the same program, options and seed give the same result, bit for bit,
on one architecture and BLAS. How it plans, and which kernels it calls, is behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import WORD_BITS, Program
from simulator.cost import refuse_beyond_memory, timeline_of
from simulator.dynamic.bytecode import Bytecode, Evolve
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.interpreter import Interpreter
from simulator.dynamic.timeline import Timeline
from simulator.errors import InvalidProgramError
from simulator.evolve import Statevectors, statevector
from simulator.evolve.amplitudes import amplitude_type, complex_type, finished_state
from simulator.method import CircuitResult
from simulator.monitor import SILENT, Checkpoint, Monitor
from simulator.observables import MeanExpectations, expectation_values_of_rows
from simulator.options import Output, Precision
from simulator.piecewise import integers
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.sampling.readout_errors import with_readouts
from simulator.sampling.row_sampler import RowSampler, count_shots
from simulator.sampling.sampler import collapse, sample
from simulator.sampling.saver import Saver
from simulator.shards.metadata import RunMetadata
from simulator.tuning import TUNING, Tuning


def run(  # noqa: PLR0913 (the options of a run)
    program: Program,
    *,
    seed: int,
    output: Output = "counts",
    shots: int = 1024,
    first: int = 0,
    of_shots: int | None = None,
    memory: bool = False,
    initial_state: NDArray[np.generic] | None = None,
    chop_threshold: float = 1e-15,
    sample_measuring: bool = True,
    precision: Precision = "double",
    observables: Sequence[PauliSum] = (),
    counts: bool = True,
    monitor: Monitor = SILENT,
    tuning: Tuning = TUNING,
) -> CircuitResult:
    """Simulate a program.

    Args:
        program: the circuit.
        seed: 0 <= seed < 2^63; with the program it fixes every outcome.
        output: "counts" gives counts (and memory); "statevector" runs one shot and gives the state after it, and
            its counts; "unitary" gives the matrix, and refuses what is not unitary.
        shots: how many; of a statevector there is one.
        first: the number of the first shot: shots that are run apart are the same that they are together.
        of_shots: how many shots these are some of; None: they are all.
        memory: whether to give each shot's outcome.
        initial_state: shape (2^n,), or (2^n, 2^n) for "unitary"; None: |0...0> or the identity.
        chop_threshold: amplitudes of a smaller absolute value are returned as 0.
        sample_measuring: whether final measurements are sampled together, or each is done as early as can be,
            by what costs less; if not, each is done by itself, where it stands.
        precision: "double" computes with complex128, "single" with complex64: half the memory, about 6 digits.
        observables: whose expectation values are taken of the states before the final measurements. Where nothing
            is random before these, no shots are needed.
        counts: whether to give counts, where they are the output.
        monitor: its checkpoint is called before every kernel and every round of a loop; what that raises ends the
            run. Its report is told the fraction that is done.
        tuning: the sizes that work on a state is cut by.

    Raises:
        InvalidProgramError: the program has no such output.
        ProgramRuntimeError: a value has no meaning, as after a division by zero.
        MemoryRefusedError: the state is larger than any memory.

    """
    from_ground, checkpoint = initial_state is None, monitor.checkpoint
    timeline = timeline_of(
        program,
        output,
        shots if of_shots is None else of_shots,
        from_ground=from_ground,
        sampling=sample_measuring,
        observed=bool(observables),
        checkpoint=checkpoint,
    )
    refuse_beyond_memory(timeline)
    return run_bytecode(
        compile_program(timeline, checkpoint),
        seed=seed,
        shots=shots,
        first=first,
        memory=memory,
        initial_state=initial_state,
        chop_threshold=chop_threshold,
        precision=precision,
        observables=observables,
        counts=counts,
        monitor=monitor,
        tuning=tuning,
    )


def run_bytecode(  # noqa: PLR0913 (the options of a run)
    bytecode: Bytecode,
    *,
    seed: int,
    shots: int,
    first: int,
    memory: bool,
    initial_state: NDArray[np.generic] | None,
    chop_threshold: float,
    precision: Precision,
    monitor: Monitor,
    observables: Sequence[PauliSum] = (),
    counts: bool = True,
    tuning: Tuning = TUNING,
) -> CircuitResult:
    """Simulate a compiled program, as `run` does; the options that it was compiled with are its own."""
    program, output, checkpoint = bytecode.timeline.program, bytecode.timeline.output, monitor.checkpoint
    dtype = complex_type(precision)
    if output == "unitary":
        unitary = _unitary(bytecode, initial_state, dtype, monitor)
        return CircuitResult(
            state=finished_state(unitary, program.global_phase, precision, chop_threshold, checkpoint).reshape(
                1 << program.num_qubits, -1
            )
        )
    saver = Saver(program.global_phase, dtype, chop_threshold, checkpoint)
    counted = shots if counts and program.num_clbits else 0
    if output == "counts" and bytecode.timeline.evolves and (not counted or _has_table(bytecode.timeline, tuning)):
        return _counted(
            bytecode,
            seed,
            counted,
            first,
            initial_state,
            precision,
            observables,
            monitor,
            saver=saver,
            memory=memory,
            tuning=tuning,
        )
    one_shot = output == "statevector"
    numbers = integers(0, 1, checkpoint) if one_shot else integers(first, shots, checkpoint)
    shot_counts = ShotCounts(numbers.size, memory=memory, first=first, checkpoint=checkpoint)
    means = MeanExpectations(observables, program.num_qubits, numbers.size, checkpoint)
    final = None
    if one_shot or counted or (shots and (observables or bytecode.timeline.saves)):
        uniforms = Uniforms(seed)

        def start() -> Statevectors:
            return Statevectors(_first_state(bytecode, initial_state, precision, checkpoint, tuning))

        ended = 0
        measures = bytecode.timeline.final
        # Without a name here, which would keep the memory of the first state.
        for branch in Interpreter(bytecode, uniforms, monitor, saver.of_branch).run(start(), numbers):
            checkpoint()
            means.add(branch)
            if one_shot or counted:
                readouts = bytecode.timeline.readouts
                sample(branch, measures, uniforms, shot_counts, checkpoint, readouts, collapses=one_shot)
            ended += branch.num_shots
            monitor.report(ended / numbers.size)
            if one_shot:
                collapse(branch, measures, uniforms, checkpoint)
                last = branch.states.state
                final = finished_state(last, program.global_phase, precision, chop_threshold, checkpoint)
    if not (program.num_clbits and (one_shot or counted)):
        shot_counts = ShotCounts(0, memory=memory)
    return CircuitResult(
        *shot_counts.results(), final, means.values, saver.values(), standard_errors=means.standard_errors
    )


def metadata(timeline: Timeline) -> RunMetadata:
    """Return how a program is run."""
    method = "unitary" if timeline.output == "unitary" else "statevector"
    return RunMetadata(method, timeline.width, timeline.evolves and timeline.output != "unitary")


def _first_state(
    bytecode: Bytecode,
    initial_state: NDArray[np.generic] | None,
    precision: Precision,
    checkpoint: Checkpoint,
    tuning: Tuning,
) -> statevector.Statevector:
    """Return the state that a run begins in: a copy of the given one, or |0...0>, real where all will be."""
    timeline, dtype = bytecode.timeline, complex_type(precision)
    if initial_state is not None:
        amplitudes = _copied(initial_state, (1 << timeline.program.num_qubits,), dtype, checkpoint)
        return statevector.vector(amplitudes, tuning)
    own = amplitude_type(precision, real=bytecode.real)
    room = dtype if timeline.output == "statevector" else None
    return statevector.ground_of(bytecode.qubits, own, room, checkpoint, tuning)


def _has_table(timeline: Timeline, tuning: Tuning) -> bool:
    """Whether a memory is a word, and outcomes are few enough for a table of their probabilities."""
    measured = {measure.qubit for measure in timeline.final}
    return timeline.program.num_clbits <= WORD_BITS and len(measured) <= tuning.piece_bits


def _counted(  # noqa: PLR0913 (the options of a run)
    bytecode: Bytecode,
    seed: int,
    shots: int,
    first: int,
    initial_state: NDArray[np.generic] | None,
    precision: Precision,
    observables: Sequence[PauliSum],
    monitor: Monitor,
    *,
    saver: Saver,
    memory: bool,
    tuning: Tuning,
) -> CircuitResult:
    """Sample a program that only evolves: one state, one row of a sweep. Branches would give the same counts."""
    timeline, checkpoint = bytecode.timeline, monitor.checkpoint
    shot_counts = ShotCounts(shots, memory=memory, first=first, checkpoint=checkpoint)
    expectations = None
    if shots or observables or timeline.saves:
        state = _first_state(bytecode, initial_state, precision, checkpoint, tuning)
        for operation in bytecode.operations:
            if isinstance(operation, Evolve):
                operation.evolution.run(state, Monitor(checkpoint) if timeline.saves else monitor)
            elif isinstance(operation, Save):
                saver.of_state(operation, state)
        checkpoint()
        rows = state.amplitudes.reshape(1, -1)
        if observables:
            num_qubits = timeline.program.num_qubits
            expectations = expectation_values_of_rows(rows, state.bit_of, observables, checkpoint, num_qubits)[0]
        measures, readouts = timeline.final, timeline.readouts
        sampler = RowSampler(rows, state.bit_of, measures, readouts, (seed,), shots, checkpoint, first, tuning)
        count_shots(sampler, shot_counts)
        monitor.report(1.0)
    saved = with_readouts(saver.values(), timeline.readouts)
    return CircuitResult(*shot_counts.results(), expectations=expectations, saved=saved)


def _unitary(
    bytecode: Bytecode,
    initial: NDArray[np.generic] | None,
    dtype: type[Any],
    monitor: Monitor,
) -> statevector.Statevector:
    checkpoint, num_qubits = monitor.checkpoint, bytecode.timeline.program.num_qubits
    if initial is None:
        rows = statevector.identity(num_qubits, dtype, checkpoint)
    else:
        rows = statevector.matrix(_copied(initial, (1 << num_qubits,) * 2, dtype, checkpoint))
    for evolution in bytecode.evolutions:
        evolution.run(rows, monitor)
    return rows


def _copied(
    initial: NDArray[np.generic], shape: tuple[int, ...], dtype: type[Any], checkpoint: Checkpoint
) -> NDArray[Any]:
    """Copy an initial state: it will be changed in place."""
    if initial.shape != shape:
        raise InvalidProgramError(f"the initial state has shape {initial.shape}; the circuit asks for {shape}")
    return statevector.contiguous_copy(initial, dtype, checkpoint)
