"""The statevector method, behind the interface of all methods: it runs every program.

What is random on the way makes branches of states; noise is one more choice among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator import cost
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.cost import Work, observing_bytes, observing_seconds, refuse_beyond_memory, timeline_under
from simulator.dynamic.bytecode import Bytecode
from simulator.dynamic.compiler import compile_program
from simulator.errors import InvalidProgramError
from simulator.method import CircuitResult, Engine
from simulator.monitor import Checkpoint, Monitor
from simulator.options import Options
from simulator.shards.metadata import RunMetadata
from simulator.shards.shard import Sweep
from simulator.statevector.simulation import metadata, run_bytecode
from simulator.statevector.sweep import run_together


@dataclass(frozen=True, slots=True)
class _Prepared:
    bytecode: Bytecode
    options: Options
    observables: Sequence[PauliSum]

    @property
    def metadata(self) -> RunMetadata:
        return metadata(self.bytecode.timeline)

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        states = cost.bytes_required(self.bytecode, shots, self.options.precision, checkpoint)
        return states + observing_bytes(self.observables, 1)

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        options = self.options
        return run_bytecode(
            self.bytecode,
            seed=seed,
            shots=shots,
            first=first,
            memory=options.memory,
            initial_state=None if options.initial_state is None else options.initial_state.ndarray(),
            chop_threshold=options.chop_threshold,
            precision=options.precision,
            observables=self.observables,
            counts=options.counts,
            monitor=monitor,
        )


def _refusal(program: Program, options: Options, checkpoint: Checkpoint) -> str | None:
    if options.saves:
        try:
            timeline_under(program, options, checkpoint)
        except InvalidProgramError as error:
            return str(error)
    return None


def _width(program: Program, options: Options) -> int:
    return timeline_under(program, options).width


def _work(
    program: Program, options: Options, shots: int, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> Work:
    timeline = timeline_under(program, options, checkpoint)
    checkpoint()
    seconds, grows, _ = cost.work(timeline, shots)
    # Sums of parts of the shots would differ, in their last digits, from the sum of all.
    grows = grows and not observables and not timeline.saves
    return Work(seconds + observing_seconds(observables, timeline.width), grows)


def _prepare(
    program: Program, options: Options, observables: Sequence[PauliSum], checkpoint: Checkpoint
) -> _Prepared:
    timeline = timeline_under(program, options, checkpoint)
    refuse_beyond_memory(timeline)
    return _Prepared(compile_program(timeline, checkpoint), options, observables)


def _row_seconds(sweep: Sweep, options: Options) -> float:
    timeline = timeline_under(sweep.template, options)
    return cost.row_seconds(timeline, options) + observing_seconds(sweep.observables, timeline.width)


STATEVECTOR = Engine(
    "statevector",
    refusal=_refusal,
    suits=lambda *_: True,
    width=_width,
    work=_work,
    saves=lambda program, options: timeline_under(program, options).saves,
    is_exact=lambda program, options: timeline_under(program, options).evolves,
    prepare=_prepare,
    run_together=run_together,
    row_seconds=_row_seconds,
)
