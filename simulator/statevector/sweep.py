"""Run the rows of a sweep together: where states are small, and nothing is random before the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Save
from simulator.circuit.program import WORD_BITS, Program
from simulator.cost import ROW_QUBITS, rows_together, sweep_bytes, timeline_under
from simulator.dynamic.bytecode import Bytecode, Evolve
from simulator.dynamic.compiler import compile_program
from simulator.evolve import RowsEvolution, statevector
from simulator.evolve.amplitudes import amplitude_type, complex_type, finished_state
from simulator.monitor import Checkpoint, Monitor
from simulator.observables import expectation_values_of_rows
from simulator.options import Options
from simulator.piecewise import concatenate
from simulator.sampling.row_counts import RowCounts
from simulator.sampling.saver import RowsSaver
from simulator.shards.result import SweepOutcome
from simulator.shards.shard import Sweep
from simulator.statevector.simulation import metadata


def run_together(
    sweep: Sweep, options: Options, admit: Callable[[int], None], monitor: Monitor
) -> SweepOutcome | None:
    """Run all rows, as `engine.run` runs each of them, bit for bit; None: they cannot be run together.

    ``admit`` is called with the bytes that they need together, before these are allocated.
    """
    began = time.perf_counter()
    checkpoint = monitor.checkpoint
    template, columns = sweep.with_own_gates()
    bytecode = _bytecode(template, options, checkpoint)
    if bytecode is None:
        return None
    timeline = bytecode.timeline
    admit(sweep_bytes(bytecode, sweep.num_rows, options, sweep.observables))
    steps = [
        RowsEvolution(operation.evolution, columns) if isinstance(operation, Evolve) else operation
        for operation in bytecode.operations
    ]
    saver = RowsSaver(complex_type(options.precision), options.chop_threshold, checkpoint)
    row_counts = RowCounts(template, options)
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
                saver.add(each, rows, one.bit_of, sweep.phases(some))
        row_counts.add(
            rows, one.bit_of, timeline.final, timeline.readouts, seeds[start : start + step], checkpoint
        )
        if sweep.observables:
            found = expectation_values_of_rows(
                rows, one.bit_of, sweep.observables, checkpoint, template.num_qubits
            )
            expectations.append(found)
        if options.output == "statevector":
            states += _finished_rows(rows, one, sweep.phases(some), options, checkpoint)
        monitor.report((start + len(some)) / sweep.num_rows)
    outcome = row_counts.outcome(sweep, metadata(timeline), expectations, began, checkpoint)
    return msgspec.structs.replace(
        outcome,
        states=Array.over(concatenate(states, checkpoint).reshape(len(states), -1)) if states else None,
        saved=saver.values(),
    )


def _bytecode(template: Program, options: Options, checkpoint: Checkpoint) -> Bytecode | None:
    """Return the bytecode of rows that can be run together."""
    if options.output == "unitary" or options.initial_state is not None or template.num_clbits > WORD_BITS:
        return None
    timeline = timeline_under(template, options, checkpoint)
    one_shot = options.output == "statevector"
    if timeline.width > ROW_QUBITS or not timeline.evolves or (one_shot and timeline.final):
        return None
    if timeline.readouts and timeline.saves:
        return None
    return compile_program(timeline, checkpoint)


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
