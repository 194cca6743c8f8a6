"""Run the rows of a sweep of few qubits together: a gate's matrices in all rows are made at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate
from simulator.circuit.traversal import qubits_within
from simulator.cost import observing_bytes, shots_bytes
from simulator.cost.memory import BYTES_PER_NUMBER
from simulator.density.operations import MOST_QUBITS, Merger, Swept, segments
from simulator.density.states import MOST_FEW, FewQubits
from simulator.density.timeline import all_saves, measured_qubits, places_of, timeline_of
from simulator.dynamic.timeline import Timeline
from simulator.monitor import Monitor
from simulator.options import Options
from simulator.sampling.counts import WORD_BITS
from simulator.sampling.row_counts import RowCounts
from simulator.shards.result import RunMetadata, SweepOutcome
from simulator.shards.shard import Sweep

#: log2 of the coefficients of rows that are run together, most of these rows, and most bytes of their matrices.
_TOGETHER, _ROWS, _MATRICES = 16, 256, 48 << 20
#: Copies of coefficients, and of the matrices of one gate, that are there at once.
_COPIES = 6


def run_together(
    sweep: Sweep, options: Options, admit: Callable[[int], None], monitor: Monitor
) -> SweepOutcome | None:
    """Run all rows, each bit for bit as alone; None: they cannot be run together."""
    begin = time.perf_counter()
    checkpoint = monitor.checkpoint
    template, columns = sweep.with_own_gates()
    timeline = timeline_of(template, checkpoint=checkpoint)
    places = places_of(template, options, sweep.observables, timeline)
    if len(places) > MOST_FEW or template.num_clbits > WORD_BITS or all_saves(template, options, timeline):
        return None
    matrices = _matrix_bytes(timeline)
    step = min(_ROWS, max(1, min(1 << _TOGETHER >> 2 * len(places), _MATRICES // matrices)))
    admit(_bytes(sweep, options, min(step, sweep.num_rows) * (matrices + (8 * _COPIES << 2 * len(places)))))
    row_counts = RowCounts(template, options)
    expectations: list[NDArray[np.float64]] = []
    values, seeds = np.asarray(sweep.values.ndarray(), np.float64), sweep.seeds()
    measured, every = measured_qubits(timeline), tuple(range(template.num_qubits))
    bit_of = {qubit: bit for bit, qubit in enumerate(measured)}
    gates = {id(each): each for each in timeline.instructions if isinstance(each, Gate)}
    for start in range(0, sweep.num_rows, step):
        some = values[start : start + step]
        swept = {key: _params(gates[key], columns[key], some) for key in columns if key in gates}
        merger = Merger(places, template.channels, checkpoint, swept)
        state = FewQubits(len(some), len(places))
        for merged, _ in segments(timeline.instructions, merger):
            state.evolve(merged, checkpoint)
        coefficients = state.coefficients(places)
        checkpoint()
        rows = np.sqrt(coefficients.probabilities(measured))
        row_counts.add(rows, bit_of, timeline.final, timeline.readouts, seeds[start : start + step], checkpoint)
        if sweep.observables:
            found = [coefficients.expectations(each, every) for each in sweep.observables]
            expectations.append(np.stack(found, axis=1))
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
        names=sweep.names,
        metadata=sweep.metadata,
        global_phases=sweep.own_phases(),
        time_taken=time.perf_counter() - begin,
        expectations=Array.of(np.concatenate(expectations)) if expectations else None,
        run=RunMetadata("density_matrix", len(places), True),
    )


def _params(gate: Gate, columns: Sequence[tuple[int, int]], values: NDArray[np.float64]) -> Swept:
    """Return the parameters of a gate in some rows."""
    params: list[float | NDArray[np.float64]] = list(gate.params)
    for number, column in columns:
        params[number] = np.ascontiguousarray(values[:, column])
    return params


def _matrix_bytes(timeline: Timeline) -> int:
    """Return the bytes of the matrices of one row, at most."""
    widths = [min(MOST_QUBITS, len(qubits_within(each))) for each in timeline.instructions]
    sizes = [8 << 4 * max(2, width) for width in widths]
    return sum(sizes) + _COPIES * max(sizes, default=1)


def _bytes(sweep: Sweep, options: Options, states: int) -> int:
    """Return the bytes that all rows take at most, given those of the states that there are at once."""
    template, shots, rows = sweep.template, options.shots, sweep.num_rows
    numbers = min(shots, 1 << template.num_clbits) * 2 + (shots if options.memory else 0)
    of_shots = shots_bytes(template, options.output, shots, memory=options.memory)
    observing = observing_bytes(sweep.observables, rows)
    return states + of_shots + observing + rows * BYTES_PER_NUMBER * numbers
