"""The classical memories of all rows of a sweep, as its outcome has them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Measure, Readout
from simulator.circuit.program import Program
from simulator.monitor import Checkpoint
from simulator.options import Options
from simulator.piecewise import concatenate
from simulator.sampling.counts import Words
from simulator.sampling.row_sampler import Counts, RowSampler, counts_of
from simulator.shards.metadata import RunMetadata
from simulator.shards.result import SweepOutcome
from simulator.shards.shard import Sweep


class RowCounts:
    """Samples rows, some after the others; their template has at most `WORD_BITS` clbits."""

    def __init__(self, template: Program, options: Options) -> None:
        self._shots = options.shots if options.output == "counts" else 1
        # As in `engine.run`: without clbits there is nothing to count.
        self._counted = self._shots if template.num_clbits and options.counts else 0
        self._memory: list[Words] | None = [] if options.memory else None
        #: Memories that came, how often, and how many in each row; of some rows after the others.
        self._counts: list[tuple[Words, Counts, Counts]] = []

    def add(
        self,
        rows: NDArray[Any],
        bit_of: Mapping[int, int],
        measures: Sequence[Measure],
        readouts: Sequence[Readout],
        seeds: Sequence[int],
        checkpoint: Checkpoint,
    ) -> None:
        """Sample some rows, shape (rows, 2^n), whose squares are the probabilities, each under its own seed."""
        sampler = RowSampler(rows, bit_of, measures, readouts, seeds, self._counted, checkpoint)
        if self._memory is None:
            self._counts.append(sampler.counted())
            return
        for words in sampler.remembered():
            self._memory.append(words)
            found, counts = counts_of(words, checkpoint)
            self._counts.append((found, counts, np.array([found.size])))

    def outcome(
        self,
        sweep: Sweep,
        run: RunMetadata,
        expectations: Sequence[NDArray[np.float64]],
        began: float,
        checkpoint: Checkpoint,
    ) -> SweepOutcome:
        """Return what became of a sweep, all of whose rows were added.

        ``expectations`` are those of some rows after the others, or none; it ``began`` at a `time.perf_counter`.
        """
        words, counts, sizes = (concatenate(each, checkpoint) for each in zip(*self._counts, strict=True))
        memory = None
        if self._memory is not None:
            whole = concatenate(self._memory, checkpoint).reshape(len(self._memory), -1)
            memory = Array.counting(whole, checkpoint)
        return SweepOutcome(
            index=sweep.index,
            seeds=tuple(sweep.seeds()),
            shots=self._shots,
            outline=sweep.template.outline,
            memories=Array.counting(words, checkpoint),
            counts=Array.counting(counts, checkpoint),
            ends=Array.counting(sizes.cumsum(), checkpoint),
            memory=memory,
            names=sweep.names,
            metadata=sweep.metadata,
            global_phases=sweep.own_phases(),
            time_taken=time.perf_counter() - began,
            expectations=Array.of(np.concatenate(expectations)) if expectations else None,
            run=run,
        )
