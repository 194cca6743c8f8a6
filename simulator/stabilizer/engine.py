"""The stabilizer method, behind the interface of all methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Gate,
    Initialize,
    Measure,
    Noise,
    Permutation,
    Readout,
    Reset,
    Save,
)
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.circuit.traversal import bodies_of, qubits_of
from simulator.cost import Work
from simulator.errors import InvalidProgramError
from simulator.method import CircuitResult, Engine
from simulator.monitor import Checkpoint, Monitor
from simulator.options import Options
from simulator.shards.result import RunMetadata
from simulator.stabilizer.costs import bytes_of, work_of
from simulator.stabilizer.draws import BLOCK
from simulator.stabilizer.layering.compiler import Compiled, compile_program
from simulator.stabilizer.layering.refusal import refusal
from simulator.stabilizer.run import run_shots
from simulator.stabilizer.samples import counts_of, hex_keys

#: With more qubits in use, "automatic" takes it for circuits that only measure at their end; narrower ones take
#: the statevector method a few milliseconds, and keep the counts that their seeds had before this method.
MOST_LEFT = 16
_SILENT = frozenset({Barrier, Delay, Readout})


@dataclass(frozen=True, slots=True)
class _Prepared:
    program: Program
    compiled: Compiled
    options: Options

    @property
    def metadata(self) -> RunMetadata:
        return RunMetadata("stabilizer", self.program.num_qubits, self.compiled.segment.final)

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        checkpoint()
        return bytes_of(self.program, shots)

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        options, remembered = self.options, self.options.memory
        if not (options.counts and self.program.num_clbits and shots):
            return CircuitResult({}, [] if remembered else None)
        checkpoint = monitor.checkpoint
        rows = list(run_shots(self.compiled, seed=seed, shots=shots, first=first, monitor=monitor))
        memory: list[str] | None = [] if remembered else None
        if memory is not None:
            for some in rows:
                checkpoint()
                memory += hex_keys(some)
        return CircuitResult(counts_of(rows, checkpoint), memory)


def _refusal(program: Program, options: Options) -> str | None:
    if options.output != "counts":
        return f"its output is counts, not a {options.output}"
    if options.initial_state is not None:
        return "it begins in |0...0>, and not in an initial_statevector"
    if options.saves or options.expectations:
        return "it gives counts, and no states or expectation values"
    return refusal(program)


def _suits(program: Program, options: Options) -> bool:
    if options.output != "counts" or options.initial_state is not None or not options.counts:
        return False
    if options.saves or options.expectations or not options.sample_measuring:
        return False
    return program.uses_more_qubits(MOST_LEFT) or _is_random_before_its_end(program)


def _is_random_before_its_end(program: Program) -> bool:  # noqa: C901 (one branch a kind of instruction)
    """Whether a program has noise, resets, or does something to a qubit that it has measured."""
    touched: set[int] = set()
    measured: set[int] = set()
    for instruction in program.instructions:
        kind = type(instruction)
        if kind is Gate or kind is Permutation:
            qubits = qubits_of(instruction)
            if measured and not measured.isdisjoint(qubits):
                return True
            touched.update(qubits)
        elif kind is Measure:
            if not measured.isdisjoint(qubits_of(instruction)):
                return True
            measured.update(qubits_of(instruction))
        elif kind in _SILENT:
            continue
        elif kind is Noise or bodies_of(instruction):
            return True
        elif kind is Reset or kind is Initialize:
            if not touched.union(measured).isdisjoint(qubits_of(instruction)):
                return True
            touched.update(qubits_of(instruction) if kind is Initialize else ())
        elif not measured.isdisjoint(qubits_of(instruction)):
            return True
    return False


def _width(program: Program, options: Options) -> int:
    return math.ceil(math.log2(max(16, bytes_of(program, options.shots)) / 16))


def _work(program: Program, _: Options, shots: int, __: Sequence[PauliSum]) -> Work:
    return work_of(program, shots, final=not _is_random_before_its_end(program))


def _saves(program: Program, options: Options) -> tuple[Save, ...]:
    if options.saves:
        raise InvalidProgramError(f'circuit "{program.name}": {_refusal(program, options)}')
    return ()


def _prepare(program: Program, options: Options, _: Sequence[PauliSum], checkpoint: Checkpoint) -> _Prepared:
    return _Prepared(program, compile_program(program, checkpoint), options)


STABILIZER = Engine(
    "stabilizer",
    refusal=_refusal,
    suits=_suits,
    # Where it suits and can, nothing else is as quick.
    preferred=lambda *_: True,
    width=_width,
    work=_work,
    saves=_saves,
    is_exact=lambda *_: False,
    prepare=_prepare,
    shot_block=BLOCK,
)
