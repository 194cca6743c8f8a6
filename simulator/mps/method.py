"""The method of matrix product states, behind the interface of all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.cost import Work, saved_bytes
from simulator.dynamic.timeline import Timeline
from simulator.evolve.amplitudes import complex_type
from simulator.method import CircuitResult, Engine
from simulator.monitor import Checkpoint, Monitor, no_checkpoint
from simulator.mps.evolve import MOST_BYTES, Truncation, bond_bound
from simulator.mps.gates import LocalCircuit, local_circuit, refusal
from simulator.mps.run import run
from simulator.options import Options
from simulator.rng import BLOCK
from simulator.sampling.saver import Saver
from simulator.shards.result import RunMetadata, TruncationMetadata

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
#: Seconds of a run without gates.
_RUN_SECONDS = 1e-3
#: Seconds of a gate while bonds are small, and of a site in a block of shots. Measured.
_GATE_SECONDS = 1e-4
_SITE_SECONDS = 5e-5


@dataclass(slots=True)
class _Prepared:
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
        bond = bond_bound(self.circuit, _truncation(self.options))
        tensors = min(MOST_BYTES, 2 * bond * bond * _AMPLITUDE * self.program.num_qubits)
        rows = 2 * bond * _AMPLITUDE * min(shots, BLOCK)
        copies = 2 * bool(self.timeline.saves) + _SPLITTING * (self.options.initial_state is not None)
        state = copies * _AMPLITUDE << self.program.num_qubits if copies else 0
        saved = _COPIES * saved_bytes(self.timeline.saves, self.options.precision)
        gates = _BYTES_PER_GATE * len(self.program.instructions)
        return _COPIES * (tensors + rows) + gates + state + saved

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


def _truncation(options: Options) -> Truncation:
    return Truncation(options.max_bond, options.cutoff)


def _initial(options: Options) -> NDArray[Any] | None:
    """Return the amplitudes that a run begins in; real, if they are."""
    if options.initial_state is None:
        return None
    amplitudes = np.asarray(options.initial_state.ndarray(), np.complex128)
    return amplitudes if amplitudes.imag.any() else amplitudes.real


def _timeline(program: Program, options: Options, checkpoint: Checkpoint = no_checkpoint) -> Timeline:
    """Return the program with all final measurements at its end: tensors of all qubits cost little."""
    return Timeline.of(
        program,
        from_ground=options.initial_state is None,
        saves=options.saves,
        wide_readouts=True,
        checkpoint=checkpoint,
    )


def _refusal(program: Program, options: Options, checkpoint: Checkpoint) -> str | None:
    timeline = _timeline(program, options, checkpoint)
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


def _work(program: Program, options: Options, shots: int, observables: Sequence[PauliSum], _: Checkpoint) -> Work:
    """Guess, since bonds cannot be foreseen: as if all were small."""
    evolving = _GATE_SECONDS * len(program.instructions)
    sampling = _SITE_SECONDS * program.num_qubits * shots / BLOCK if options.counts else 0.0
    return Work(_RUN_SECONDS + evolving + sampling, sampling > evolving and not options.saves and not observables)


def _prepare(
    program: Program, options: Options, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> _Prepared:
    timeline = _timeline(program, options, checkpoint)
    circuit = local_circuit(timeline.instructions, program.num_qubits, checkpoint)
    return _Prepared(program, options, observables, timeline, circuit)


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
    is_exact=lambda *_: True,
    prepare=_prepare,
    shot_block=BLOCK,
)
