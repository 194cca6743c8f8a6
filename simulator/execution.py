"""Run a shard: what one task does."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator

import msgspec

from simulator.circuit.array import Array
from simulator.cost import bytes_required, shots_bytes, sweep_bytes
from simulator.engine import refuse_beyond_memory, run
from simulator.errors import MemoryRefusedError, StoppedError
from simulator.monitor import SILENT, Monitor
from simulator.shards.parts import Failure, Item, Outcome, Part
from simulator.shards.shards import Experiment, Options, Shard, Sweep
from simulator.sizes import size
from simulator.sweep import run_together


def _admitted(_: int) -> None:
    """Admit everything."""


def run_shard(shard: Shard, monitor: Monitor = SILENT, admit: Callable[[int], None] = _admitted) -> Part:
    """Run the experiments of a shard; one that fails does not stop the others, its outcome holds the failure.

    ``admit`` is called with the bytes that an experiment needs before they are allocated; what it raises is that
    experiment's failure. `StoppedError`, from the monitor's checkpoint, ends the whole run.
    """
    runner = _Runner(shard.options, admit)
    share = 1 / max(1, sum(map(_count, shard.items)))
    outcomes: list[Item] = []
    done = 0.0
    for item in shard.items:
        outcomes += runner.outcomes(item, monitor.part(done, _count(item) * share))
        done += _count(item) * share
        monitor.report(done)
    return Part(tuple(outcomes))


def _count(item: Experiment | Sweep) -> int:
    """Return how many experiments an item is."""
    return item.last - item.index + 1


class _Runner:
    def __init__(self, options: Options, admit: Callable[[int], None]) -> None:
        self._options, self._admit = options, admit

    def outcomes(self, item: Experiment | Sweep, monitor: Monitor) -> Iterator[Item]:
        """Yield what becomes of an experiment, or of a sweep's rows."""
        if isinstance(item, Sweep) and (rows := self._rows_together(item, monitor)):
            yield rows
            return
        share = 1 / _count(item)
        for done, experiment in enumerate(item.experiments()):
            yield self._outcome(experiment, monitor.part(done * share, share))

    def _rows_together(self, sweep: Sweep, monitor: Monitor) -> Item | None:
        """Run a sweep in one; None where that is not to be: each row by itself will tell why."""
        try:
            options = self._options
            fresh, sampling = options.initial_state is None, options.sample_measuring
            refuse_beyond_memory(sweep.template, options.method, fresh=fresh, sampling=sampling)
            self._admit(sweep_bytes(sweep, options))
            return run_together(sweep, options, monitor)
        except StoppedError:
            raise
        except Exception:  # noqa: BLE001 (whatever it is, it may be one row's)
            return None

    def _outcome(self, experiment: Experiment, monitor: Monitor) -> Outcome:
        options = self._options
        shots = options.shots if experiment.shots is None else experiment.shots
        outcome = Outcome(
            index=experiment.index,
            seed=experiment.seed,
            first=experiment.first,
            shots=shots if options.method == "qasm" else 1,
            outline=msgspec.structs.replace(experiment.program, instructions=()),
        )
        begin = time.perf_counter()
        try:
            done = self._done(outcome, experiment, shots, monitor)
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, it becomes this experiment's failure)
            failure = Failure(type(error).__name__, str(error), traceback.format_exc())
            done = msgspec.structs.replace(outcome, failure=failure)
        return msgspec.structs.replace(done, time_taken=time.perf_counter() - begin)

    def _done(self, outcome: Outcome, experiment: Experiment, shots: int, monitor: Monitor) -> Outcome:
        """Return the outcome with what the run gave."""
        options, program = self._options, experiment.program
        fresh, sampling = options.initial_state is None, options.sample_measuring
        refuse_beyond_memory(program, options.method, fresh=fresh, sampling=sampling)
        states = bytes_required(
            program,
            options.method,
            shots,
            options.precision,
            fresh=fresh,
            sampling=sampling,
            checkpoint=monitor.checkpoint,
        )
        of_shots = shots_bytes(program, options.method, shots, memory=options.memory)
        # What most of it is for is what there must be less of.
        few = "qubits" if states > of_shots else "shots or memory=False" if options.memory else "shots"
        cure = f"use fewer {few}, or a worker with more memory"
        try:
            self._admit(states + of_shots)
        except MemoryRefusedError as error:
            raise MemoryRefusedError(f"{error}: {cure}") from error
        try:
            result = run(
                program,
                seed=experiment.seed,
                method=options.method,
                shots=shots,
                first=experiment.first,
                memory=options.memory,
                initial_state=None if options.initial_state is None else options.initial_state.ndarray(),
                chop_threshold=options.chop_threshold,
                sample_measuring=options.sample_measuring,
                precision=options.precision,
                monitor=monitor,
            )
            state_array = None if result.state is None else Array.over(result.state)
        except MemoryError as error:
            needed = size(states + of_shots, up=True)
            raise MemoryRefusedError(f"the simulation needs {needed} of memory: {error}: {cure}") from error
        return msgspec.structs.replace(outcome, counts=result.counts, memory=result.memory, state=state_array)
