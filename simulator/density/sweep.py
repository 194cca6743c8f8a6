"""Run the rows of a sweep together: a gate's matrices in all rows are made and multiplied at once.

States of few qubits are evolved together, too, and wider ones one by one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Gate
from simulator.circuit.program import WORD_BITS
from simulator.circuit.traversal import qubits_within
from simulator.cost import observing_bytes, shots_bytes
from simulator.cost.memory import BYTES_PER_NUMBER
from simulator.density.operations import MOST_QUBITS, Merger, Swept, of_rows, segments
from simulator.density.states import MOST_FEW, FewQubits, ManyQubits
from simulator.density.timeline import all_saves, measured_qubits, places_of, timeline_of
from simulator.dynamic.timeline import Timeline
from simulator.monitor import Monitor
from simulator.options import Options
from simulator.sampling.row_counts import RowCounts
from simulator.shards.metadata import RunMetadata
from simulator.shards.result import SweepOutcome
from simulator.shards.shard import Sweep

#: Qubits beyond which the matrices take a small part of a row's time.
MOST_TOGETHER = 10
#: Most rows whose matrices are made together, most bytes of these, and log2 of the products for one gate.
_ROWS, _MATRICES, _PRODUCTS = 256, 48 << 20, 24
#: log2 of the coefficients that are evolved together.
_TOGETHER = 16
#: Copies of coefficients, and of the matrices of one gate, that are there at once.
_COPIES = 6


def run_together(
    sweep: Sweep, options: Options, admit: Callable[[int], None], monitor: Monitor
) -> SweepOutcome | None:
    """Run all rows, each bit for bit as alone; None: they cannot be run together."""
    began = time.perf_counter()
    checkpoint = monitor.checkpoint
    template, columns = sweep.with_own_gates()
    timeline = timeline_of(template, checkpoint=checkpoint)
    places = places_of(template, options, sweep.observables, timeline)
    width = len(places)
    if width > MOST_TOGETHER or template.num_clbits > WORD_BITS or all_saves(template, options, timeline):
        return None
    step, matrices = _matrices_together(timeline, sweep.num_rows)
    at_once = max(1, 1 << _TOGETHER >> 2 * width) if width <= MOST_FEW else 1
    admit(_bytes(sweep, options, matrices + (at_once * 8 * _COPIES << 2 * width)))
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
        ((merged, _),) = segments(timeline.instructions, merger)
        for first in range(0, len(some), at_once):
            last = min(first + at_once, len(some))
            state = FewQubits(last - first, width) if width <= MOST_FEW else ManyQubits(width)
            state.evolve([of_rows(each, first, last) for each in merged], checkpoint)
            coefficients = state.coefficients(places)
            checkpoint()
            rows, own = np.sqrt(coefficients.probabilities(measured)), seeds[start + first : start + last]
            row_counts.add(rows, bit_of, timeline.final, timeline.readouts, own, checkpoint)
            if sweep.observables:
                found = [coefficients.expectations(each, every) for each in sweep.observables]
                expectations.append(np.stack(found, axis=1))
            monitor.report((start + last) / sweep.num_rows)
    run = RunMetadata("density_matrix", width, True)
    return row_counts.outcome(sweep, run, expectations, began, checkpoint)


def _params(gate: Gate, columns: Sequence[tuple[int, int]], values: NDArray[np.float64]) -> Swept:
    """Return the parameters of a gate in some rows."""
    params: list[float | NDArray[np.float64]] = list(gate.params)
    for number, column in columns:
        params[number] = np.ascontiguousarray(values[:, column])
    return params


def _matrices_together(timeline: Timeline, rows: int) -> tuple[int, int]:
    """Return in how many rows matrices are made together, of so many, and the bytes that these take at most."""
    widths = [max(2, min(MOST_QUBITS, len(qubits_within(each)))) for each in timeline.instructions]
    widest = max(widths, default=2)
    of_row = sum(8 << 4 * width for width in widths) + (8 * _COPIES << 4 * widest)
    step = min(rows, _ROWS, max(1, _MATRICES // of_row), max(1, 1 << _PRODUCTS >> 6 * widest))
    return step, step * of_row


def _bytes(sweep: Sweep, options: Options, states: int) -> int:
    """Return the bytes that all rows take at most, given those of the states that there are at once."""
    template, shots, rows = sweep.template, options.drawn_shots, sweep.num_rows
    numbers = min(shots, 1 << template.num_clbits) * 2 + (shots if options.memory else 0)
    of_shots = shots_bytes(template, options.output, shots, memory=options.memory)
    observing = observing_bytes(sweep.observables, rows)
    return states + of_shots + observing + rows * BYTES_PER_NUMBER * numbers
