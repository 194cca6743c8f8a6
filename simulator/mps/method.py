"""The method of matrix product states, behind the interface of all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import (
    Diagonal,
    For,
    Gate,
    Initialize,
    Instruction,
    Noise,
    Permutation,
    Unitary,
    While,
)
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.circuit.remembered import remembered
from simulator.circuit.traversal import qubits_of, walk
from simulator.cost import Work, saved_bytes
from simulator.dynamic.bytecode import Bytecode
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.limits import peak_states
from simulator.dynamic.timeline import Timeline
from simulator.errors import InvalidProgramError
from simulator.evolve.amplitudes import complex_type
from simulator.method import CircuitResult, Engine
from simulator.monitor import Checkpoint, Monitor, no_checkpoint
from simulator.mps.dynamic import run_dynamic
from simulator.mps.evolve import MOST_BYTES, Truncation, bond_bound
from simulator.mps.gates import LocalCircuit, evolves, local_circuit, refusal
from simulator.mps.run import run
from simulator.options import Options
from simulator.rng import BLOCK
from simulator.sampling.saver import Saver
from simulator.shards.metadata import RunMetadata, TruncationMetadata

#: Qubits up to which what is saved is read from all amplitudes, and an initial state is given by them.
MAX_SAVED_QUBITS = 25
#: How often all amplitudes are there, while they are split.
_SPLITTING = 6
#: Bytes of an amplitude.
_AMPLITUDE = 16
#: How often a tensor's bytes are there, while it is split: itself, what LAPACK makes of it, and its work.
_COPIES = 4
#: Bytes of a gate. Measured.
_BYTES_PER_GATE = 2 << 10
#: Bytes of a state of which there may be as many as there are histories.
_MOST_BRANCH_BYTES = 1 << 25
#: log2 of more values than a bond has, and of more histories than a run has shots.
_MOST_BITS = 40
#: More instructions than any run comes to the end of.
_MOST_CALLS = 10**12
#: Rounds that a while loop is expected to take.
_ROUNDS = 8
#: Seconds of a run without gates.
_RUN_SECONDS = 1e-3
#: Seconds of a gate while bonds are small, and of a site in a block of shots. Measured.
_GATE_SECONDS = 1e-4
_SITE_SECONDS = 5e-5


@dataclass(slots=True)
class _Evolving:
    """A program of gates, behind which all is measured at once."""

    program: Program
    options: Options
    observables: Sequence[PauliSum]
    timeline: Timeline
    circuit: LocalCircuit
    #: Known after the run.
    truncation: TruncationMetadata | None = field(default=None, init=False)

    @property
    def metadata(self) -> RunMetadata:
        return RunMetadata("matrix_product_state", self.program.num_qubits, True, self.truncation)

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        checkpoint()
        num_qubits, saves = self.program.num_qubits, self.timeline.saves
        wires = [gate.wires for gate in self.circuit.gates]
        bond = bond_bound(num_qubits, wires, _truncation(self.options))
        tensors = min(MOST_BYTES, _tensor_bytes(num_qubits, bond))
        rows = 2 * bond * _AMPLITUDE * min(shots, BLOCK)
        amplitudes = 2 * _AMPLITUDE << num_qubits if saves else 0
        saved = _COPIES * saved_bytes(saves, self.options.precision)
        read = _memory_bytes(self.program, shots)
        return _COPIES * (tensors + rows) + _input_bytes(self.program, self.options) + amplitudes + saved + read

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        options = self.options
        counted = shots if options.counts and self.program.num_clbits else 0
        result, self.truncation = run(
            self.circuit,
            self.timeline.final,
            self.timeline.readouts,
            _truncation(options),
            initial=_initial(options),
            num_clbits=self.program.num_clbits,
            seed=seed,
            first=first,
            shots=counted,
            of_shots=max(options.shots, first + counted),
            memory=options.memory,
            observables=self.observables,
            saves=self.timeline.saves,
            saver=Saver(
                self.program.global_phase,
                complex_type(options.precision),
                options.chop_threshold,
                monitor.checkpoint,
            ),
            monitor=monitor,
        )
        return result


@dataclass(slots=True)
class _Branching:
    """A program in which something is random on the way."""

    program: Program
    options: Options
    observables: Sequence[PauliSum]
    bytecode: Bytecode
    #: Bytes that no state passes, and a bond that none has.
    most_bytes: int
    bond: int
    #: Known after the run.
    truncation: TruncationMetadata | None = field(default=None, init=False)

    @property
    def metadata(self) -> RunMetadata:
        return RunMetadata("matrix_product_state", self.program.num_qubits, False, self.truncation)

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        checkpoint()
        histories = _histories(self.bytecode.timeline, shots)
        states = self.most_bytes * (_COPIES + peak_states(self.most_bytes, shots, histories))
        rows = 2 * self.bond * _AMPLITUDE * min(shots, BLOCK)
        read = _memory_bytes(self.program, shots)
        return states + _COPIES * rows + _input_bytes(self.program, self.options) + read

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        options = self.options
        result, self.truncation = run_dynamic(
            self.bytecode,
            _truncation(options),
            initial=_initial(options),
            most_bytes=self.most_bytes,
            seed=seed,
            first=first,
            shots=shots,
            memory=options.memory,
            counts=options.counts and bool(self.program.num_clbits),
            observables=self.observables,
            monitor=monitor,
        )
        return result


def _tensor_bytes(num_qubits: int, bond: int) -> int:
    """Return the bytes of all tensors, where no bond has more values."""
    bonds = [min(bond, 1 << min(site, num_qubits - site, _MOST_BITS)) for site in range(num_qubits + 1)]
    return sum(2 * left * right * _AMPLITUDE for left, right in pairwise(bonds))


def _input_bytes(program: Program, options: Options) -> int:
    """Return the bytes of all gates, and of an initial state while it is split."""
    splitting = 0 if options.initial_state is None else _SPLITTING * _AMPLITUDE << program.num_qubits
    return _BYTES_PER_GATE * len(program.instructions) + splitting


def _memory_bytes(program: Program, shots: int) -> int:
    """Return the bytes of a block's memories: a byte a bit, and packed."""
    return 2 * program.num_clbits * min(shots, BLOCK)


def _histories(timeline: Timeline, shots: int) -> int:
    """Return how many histories shots may have, at most."""
    return max(1, min(shots, 1 << min(timeline.draws(_ROUNDS), _MOST_BITS)))


def _truncation(options: Options) -> Truncation:
    return Truncation(options.max_bond, options.cutoff)


def _initial(options: Options) -> NDArray[Any] | None:
    """Return the amplitudes that a run begins in; real, if they are."""
    if options.initial_state is None:
        return None
    amplitudes = np.asarray(options.initial_state.ndarray(), np.complex128)
    return amplitudes if amplitudes.imag.any() else amplitudes.real


@remembered
def _timeline(program: Program, options: Options, *, checkpoint: Checkpoint = no_checkpoint) -> Timeline:
    """Return the program with all final measurements at its end: tensors of all qubits cost little."""
    return Timeline.of(
        program,
        from_ground=options.initial_state is None,
        observed=options.expectations,
        saves=options.saves,
        wide_readouts=True,
        checkpoint=checkpoint,
    )


def _refusal(program: Program, options: Options, checkpoint: Checkpoint) -> str | None:
    try:
        timeline = _timeline(program, options, checkpoint=checkpoint)
    except InvalidProgramError as error:
        return str(error)
    reason = refusal(timeline.instructions)
    if reason is None and options.initial_state is not None and program.num_qubits > MAX_SAVED_QUBITS:
        reason = (
            f"it begins in an initial_statevector of {program.num_qubits} qubits, which may be {MAX_SAVED_QUBITS}"
        )
    if reason is None and timeline.saves and program.num_qubits > MAX_SAVED_QUBITS:
        reason = (
            f"it saves a {timeline.saves[0].what}, which is read from all amplitudes: its {program.num_qubits} "
            f"qubits may be {MAX_SAVED_QUBITS}. Expectation values of any width are given by observables=..."
        )
    return reason


def _work(
    program: Program, options: Options, shots: int, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> Work:
    """Guess, since bonds cannot be foreseen: as if all were small."""
    timeline = _timeline(program, options, checkpoint=checkpoint)
    if evolves(timeline.instructions):
        evolving = _GATE_SECONDS * len(program.instructions)
        sampling = _SITE_SECONDS * program.num_qubits * shots / BLOCK if options.counts else 0.0
        grows = sampling > evolving and not options.saves and not observables
    else:
        histories = _histories(timeline, shots)
        evolving = _GATE_SECONDS * min(timeline.calls(_ROUNDS), _MOST_CALLS) * histories
        sampling = _SITE_SECONDS * program.num_qubits * (histories + shots / BLOCK)
        # Sums of parts of the shots would differ, in their last digits, from the sum of all.
        grows = 1 < shots == histories and not observables
    return Work(_RUN_SECONDS + evolving + sampling, grows)


def _is_exact(program: Program, options: Options) -> bool:
    return evolves(_timeline(program, options).instructions)


def _prepare(
    program: Program, options: Options, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> _Evolving | _Branching:
    timeline = _timeline(program, options, checkpoint=checkpoint)
    if evolves(timeline.instructions):
        circuit = local_circuit(timeline.instructions, program.num_qubits, checkpoint)
        return _Evolving(program, options, observables, timeline, circuit)
    bond = bond_bound(program.num_qubits, _wires(timeline.instructions), _truncation(options))
    most_bytes = min(_MOST_BRANCH_BYTES, _tensor_bytes(program.num_qubits, bond))
    return _Branching(program, options, observables, compile_program(timeline, checkpoint), most_bytes, bond)


def _wires(instructions: Sequence[Instruction]) -> list[tuple[int, ...]] | None:
    """Return the wires of all gates; None where qubits change their wires, or gates are done again and again."""
    found = []
    for instruction in walk(instructions):
        is_swap = isinstance(instruction, Gate) and instruction.name == "swap"
        if is_swap or isinstance(instruction, (Permutation, For, While, Noise)):
            return None
        if isinstance(instruction, (Gate, Unitary, Diagonal, Initialize)):
            found.append(qubits_of(instruction))
    return found


def _width(program: Program, options: Options) -> int:
    """Return the width of a statevector as large as all that the run may hold."""
    needed = _prepare(program, options, (), no_checkpoint).bytes_required(options.shots, no_checkpoint)
    return (needed // _AMPLITUDE).bit_length()


MATRIX_PRODUCT_STATE = Engine(
    "matrix_product_state",
    refusal=_refusal,
    # It may be approximate, and what it takes is not known before: only by name.
    suits=lambda *_: False,
    width=_width,
    work=_work,
    saves=lambda program, options: _timeline(program, options).saves,
    is_exact=_is_exact,
    prepare=_prepare,
    shot_block=BLOCK,
)
