"""The stabilizer method, behind the interface of all methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.circuit.instructions import Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import WORD_BITS, Program
from simulator.cost import Work
from simulator.errors import InvalidProgramError
from simulator.method import CircuitResult, Engine
from simulator.monitor import Checkpoint, Monitor, no_checkpoint
from simulator.options import Options
from simulator.shards.metadata import RunMetadata
from simulator.shards.readout import PackedReadout
from simulator.stabilizer.costs import bytes_of, observing_bytes, observing_seconds, work_of
from simulator.stabilizer.draws import BLOCK
from simulator.stabilizer.ending import has_exact_values, is_random_before_its_end, without_its_end
from simulator.stabilizer.expectations import expectation_values
from simulator.stabilizer.layering.compiler import Compiled, compile_program
from simulator.stabilizer.layering.control_flow import any_parts_shots
from simulator.stabilizer.layering.refusal import refusal
from simulator.stabilizer.run import run_shots

#: With more qubits in use, "automatic" takes it for circuits that only measure at their end; narrower ones take
#: the statevector method a few milliseconds, and keep the counts that their seeds had before this method.
MOST_LEFT = 16
#: Up to so many qubits, expectation values of noisy circuits are a density matrix's, which is exact.
_DENSITY_QUBITS = 12


@dataclass(frozen=True, slots=True)
class _Prepared:
    program: Program
    options: Options
    observables: Sequence[PauliSum]
    #: For counts, and without its final measurements, for expectation values; None where these are not wanted.
    compiled: Compiled | None
    observed: Compiled | None
    #: Whether expectation values are exact.
    exact: bool

    @property
    def metadata(self) -> RunMetadata:
        compiled = self.compiled
        sampled = self.exact if compiled is None else compiled.segment.final and not compiled.code
        return RunMetadata("stabilizer", self.program.num_qubits, sampled)

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        checkpoint()
        return bytes_of(self.program, shots) + observing_bytes(self.program, self.observables)

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        values = errors = None
        if self.observed is not None:
            values, errors = expectation_values(
                self.observed,
                self.observables,
                exact=self.exact,
                seed=seed,
                first=first,
                shots=shots,
                monitor=monitor,
            )
        remembered, checkpoint = self.options.memory, monitor.checkpoint
        if self.compiled is None or not (self.program.num_clbits and shots):
            return CircuitResult({}, [] if remembered else None, expectations=values, standard_errors=errors)
        rows = list(run_shots(self.compiled, seed=seed, shots=shots, first=first, monitor=monitor))
        packed = PackedReadout.of_rows(rows, checkpoint, remembered=remembered)
        if self.program.num_clbits > WORD_BITS:
            return CircuitResult(packed=packed, expectations=values, standard_errors=errors)
        counts, memory = packed.key_counts(checkpoint), packed.keys_of_shots(checkpoint)
        return CircuitResult(counts, memory, expectations=values, standard_errors=errors)


def _refusal(program: Program, options: Options, checkpoint: Checkpoint = no_checkpoint) -> str | None:
    checkpoint()
    if options.output != "counts":
        return f"its output is counts, not a {options.output}"
    if options.initial_state is not None:
        return "it begins in |0...0>, and not in an initial_statevector"
    if options.saves:
        return "it gives counts and expectation values, and no states"
    return refusal(program)


def _suits(program: Program, options: Options) -> bool:
    if options.output != "counts" or options.initial_state is not None or options.saves:
        return False
    if not options.sample_measuring or not (options.counts or options.expectations):
        return False
    if program.uses_more_qubits(MOST_LEFT):
        return True
    # Statevectors of so few qubits are exact where stabilizers are, density matrices of fewer, and few where shots
    # take many ways.
    if options.expectations:
        return bool(program.channels) and program.uses_more_qubits(_DENSITY_QUBITS) and has_exact_values(program)
    if any_parts_shots(program.instructions):
        return False
    return is_random_before_its_end(program)


def _width(program: Program, options: Options) -> int:
    shots = STABILIZER.shots_needed(program, options, options.shots)
    return math.ceil(math.log2(max(16, bytes_of(program, shots)) / 16))


def _work(program: Program, _: Options, shots: int, observables: Sequence[PauliSum], __: Checkpoint) -> Work:
    seconds, grows, together = work_of(program, shots, final=not is_random_before_its_end(program))
    # A mean over shots is that of all, so they are not cut.
    return Work(seconds + observing_seconds(program, observables), grows and not observables, together)


def _saves(program: Program, options: Options) -> tuple[Save, ...]:
    if options.saves:
        raise InvalidProgramError(str(_refusal(program, options)))
    return ()


def _prepare(
    program: Program, options: Options, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> _Prepared:
    counted = options.counts or not observables
    compiled = compile_program(program, checkpoint) if counted else None
    observed = compile_program(without_its_end(program, checkpoint), checkpoint) if observables else None
    exact = bool(observables) and has_exact_values(program)
    return _Prepared(program, options, observables, compiled, observed, exact)


STABILIZER = Engine(
    "stabilizer",
    refusal=_refusal,
    suits=_suits,
    # Where it suits and can, only a density matrix of few qubits is as quick.
    preferred=lambda *_: True,
    width=_width,
    work=_work,
    saves=_saves,
    is_exact=lambda program, _: has_exact_values(program),
    prepare=_prepare,
    shot_block=BLOCK,
)
