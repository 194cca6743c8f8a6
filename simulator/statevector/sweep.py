"""Run the rows of a sweep together: where states are small, and nothing is random before the end."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate, Save
from simulator.circuit.program import Program
from simulator.cost import ROW_QUBITS, rows_together, sweep_bytes, timeline_under
from simulator.dynamic.bytecode import Bytecode, Evolve
from simulator.dynamic.compiler import compile_program
from simulator.evolve import Columns, RowsEvolution, statevector
from simulator.evolve.amplitudes import amplitude_type, complex_type, finished_state
from simulator.monitor import Checkpoint, Monitor
from simulator.observables import expectation_values_of_rows
from simulator.options import Options
from simulator.piecewise import concatenate, slices
from simulator.sampling.counts import WORD_BITS, Words, add_counts
from simulator.sampling.row_sampler import Counts, RowSampler
from simulator.sampling.saver import RowsSaver
from simulator.shards.result import SweepOutcome
from simulator.shards.shard import GLOBAL_PHASE, Sweep
from simulator.statevector.simulation import metadata


def run_together(
    sweep: Sweep, options: Options, admit: Callable[[int], None], monitor: Monitor
) -> SweepOutcome | None:
    """Run all rows, as `engine.run` runs each of them, bit for bit; None: they cannot be run together.

    ``admit`` is called with the bytes that they need together, before these are allocated.
    """
    begin = time.perf_counter()
    checkpoint = monitor.checkpoint
    template, columns = _with_own_gates(sweep)
    bytecode = _bytecode(template, options, checkpoint)
    if bytecode is None:
        return None
    admit(sweep_bytes(bytecode, sweep.num_rows, options, sweep.observables))
    steps = [
        RowsEvolution(operation.evolution, columns) if isinstance(operation, Evolve) else operation
        for operation in bytecode.operations
    ]
    saver = RowsSaver(complex_type(options.precision), options.chop_threshold, checkpoint)
    row_counts = _RowCounts(template, options)
    states: list[NDArray[Any]] = []
    expectations: list[NDArray[np.float64]] = []
    values, seeds = np.asarray(sweep.values.ndarray(), np.float64), sweep.seeds()
    dtype = amplitude_type(options.precision, real=bytecode.real)
    step = rows_together(template, len(bytecode.qubits))
    for start in range(0, sweep.num_rows, step):
        some = values[start : start + step]
        rows = np.zeros((len(some), 1 << len(bytecode.qubits)), dtype)
        rows[:, 0] = 1
        one = statevector.Statevector(rows[0], {qubit: bit for bit, qubit in enumerate(bytecode.qubits)})
        for each in steps:
            if isinstance(each, RowsEvolution):
                rows = each.run(rows, one, some, checkpoint)
            elif isinstance(each, Save):
                saver.add(each, rows, one.bit_of, _phases(sweep, some))
        row_counts.add(rows, one.bit_of, bytecode, seeds[start : start + step], checkpoint)
        if sweep.observables:
            found = expectation_values_of_rows(
                rows, one.bit_of, sweep.observables, checkpoint, template.num_qubits
            )
            expectations.append(found)
        if options.output == "statevector":
            states += _finished_rows(rows, one, _phases(sweep, some), options, checkpoint)
        monitor.report((start + len(some)) / sweep.num_rows)
    memories, counts, ends, memory = row_counts.results(checkpoint)
    return SweepOutcome(
        index=sweep.index,
        seeds=tuple(seeds),
        shots=row_counts.shots,
        outline=template.outline,
        memories=memories,
        counts=counts,
        ends=ends,
        memory=memory,
        states=Array.over(concatenate(states, checkpoint).reshape(len(states), -1)) if states else None,
        names=sweep.names,
        metadata=sweep.metadata,
        global_phases=Array.of(_phases(sweep, values)) if GLOBAL_PHASE in sweep.param_indices else None,
        time_taken=time.perf_counter() - begin,
        expectations=Array.of(np.concatenate(expectations)) if expectations else None,
        saved=saver.values(),
        run=metadata(bytecode.timeline),
    )


class _RowCounts:
    """The classical memories of all rows."""

    def __init__(self, template: Program, options: Options) -> None:
        self.shots = options.shots if options.output == "counts" else 1
        # As in `engine.run`: without clbits there is nothing to count.
        self._counted = self.shots if template.num_clbits and options.counts else 0
        self._memory: list[Words] | None = [] if options.memory else None
        #: Memories that came, how often, and how many in each row; of some rows after the others.
        self._counts: list[tuple[Words, Counts, Counts]] = []

    def add(
        self,
        rows: NDArray[Any],
        bit_of: dict[int, int],
        bytecode: Bytecode,
        seeds: Sequence[int],
        checkpoint: Checkpoint,
    ) -> None:
        """Sample some rows."""
        sampler = RowSampler(rows, bit_of, bytecode.timeline.final, seeds, self._counted, checkpoint)
        if self._memory is None:
            self._counts.append(sampler.counted())
            return
        for words in sampler.remembered():
            self._memory.append(words)
            found, counts = _counts_of(words, checkpoint)
            self._counts.append((found, counts, np.array([found.size])))

    def results(self, checkpoint: Checkpoint) -> tuple[Array, Array, Array, Array | None]:
        """Return the memories, the counts and the ends of `SweepOutcome`, and each shot's memory."""
        words, counts, sizes = (concatenate(each, checkpoint) for each in zip(*self._counts, strict=True))
        memory = None
        if self._memory is not None:
            whole = concatenate(self._memory, checkpoint).reshape(len(self._memory), -1)
            memory = Array.counting(whole, checkpoint)
        found = [Array.counting(each, checkpoint) for each in (words, counts, sizes.cumsum())]
        return found[0], found[1], found[2], memory


def _counts_of(words: Words, checkpoint: Checkpoint) -> tuple[Words, Counts]:
    """Return the words that come, ascending, and how often each does."""
    return add_counts(
        [np.unique(words[some], return_counts=True) for some in slices(words.size, checkpoint)], checkpoint
    )


def _bytecode(template: Program, options: Options, checkpoint: Checkpoint) -> Bytecode | None:
    """Return the bytecode of rows that can be run together."""
    if options.output == "unitary" or options.initial_state is not None or template.num_clbits > WORD_BITS:
        return None
    timeline = timeline_under(template, options, checkpoint)
    one_shot = options.output == "statevector"
    if timeline.width > ROW_QUBITS or not timeline.evolves or timeline.readouts or (one_shot and timeline.final):
        return None
    return compile_program(timeline, checkpoint)


def _with_own_gates(sweep: Sweep) -> tuple[Program, Columns]:
    """Return the template with a gate of its own at each index that is swept, and the columns of each of these."""
    instructions = list(sweep.template.instructions)
    numbers: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for column, (index, number) in enumerate(sweep.param_indices):
        if (index, number) != GLOBAL_PHASE:
            numbers[index].append((number, column))
    columns = {}
    for index, of_gate in numbers.items():
        gate = instructions[index]
        if isinstance(gate, Gate):
            instructions[index] = own = Gate(
                gate.name, gate.targets, gate.params, gate.controls, gate.control_state
            )
            columns[id(own)] = of_gate
    return msgspec.structs.replace(sweep.template, instructions=tuple(instructions)), columns


def _phases(sweep: Sweep, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the global phase of each row."""
    if GLOBAL_PHASE in sweep.param_indices:
        return values[:, sweep.param_indices.index(GLOBAL_PHASE)]
    return np.full(len(values), sweep.template.global_phase)


def _finished_rows(
    rows: NDArray[Any],
    one: statevector.Statevector,
    phases: NDArray[np.float64],
    options: Options,
    checkpoint: Checkpoint,
) -> Iterator[NDArray[Any]]:
    """Yield the rows' states as `engine.run` returns them."""
    for row, phase in zip(rows, phases.tolist(), strict=True):
        own = one.with_amplitudes(row.copy())
        yield finished_state(own, phase, options.precision, options.chop_threshold, checkpoint)
