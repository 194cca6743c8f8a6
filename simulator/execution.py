"""Run a shard: what one task does."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator

import msgspec

from simulator.choice import engine_for, engines_of_rows
from simulator.circuit.array import Array
from simulator.circuit.program import WORD_BITS
from simulator.circuit.remembered import forget
from simulator.cost import shots_bytes
from simulator.errors import MemoryRefusedError, StoppedError
from simulator.monitor import SILENT, Monitor
from simulator.options import Options
from simulator.shards.part import Part
from simulator.shards.readout import PackedReadout
from simulator.shards.result import Failure, Item, Outcome, PackedMemories
from simulator.shards.shard import Experiment, Shard, Sweep
from simulator.sizes import size


def _admitted(_: int) -> None:
    """Admit everything."""


def run_shard(shard: Shard, monitor: Monitor = SILENT, admit: Callable[[int], None] = _admitted) -> Part:
    """Run the experiments of a shard; one that fails does not stop the others, its outcome holds the failure.

    ``admit`` is called with the bytes that an experiment needs before they are allocated; what it raises is that
    experiment's failure. `StoppedError`, from the monitor's checkpoint, ends the whole run.
    """
    share = 1 / max(1, sum(map(_count, shard.items)))
    outcomes: list[Item] = []
    done = 0.0
    for item in shard.items:
        part = monitor.part(done, _count(item) * share)
        if isinstance(item, Sweep):
            outcomes += _run_sweep(item, shard.options, admit, part)
        else:
            outcomes.append(_run_experiment(item, shard.options, admit, part))
        done += _count(item) * share
        monitor.report(done)
    forget()  # what is known of the programs is as large as they are
    return Part(tuple(outcomes))


def _count(item: Experiment | Sweep) -> int:
    """Return how many experiments an item is."""
    return item.last - item.index + 1


def _run_sweep(sweep: Sweep, options: Options, admit: Callable[[int], None], monitor: Monitor) -> Iterator[Item]:
    """Yield what becomes of a sweep: rows that go together in one, or each by itself, which then tells why."""
    try:
        parts = engines_of_rows(sweep, options, checkpoint=monitor.checkpoint)
    except StoppedError:
        raise
    except Exception:  # noqa: BLE001 (whatever it is, it may be one row's)
        yield from _run_rows(sweep, options, admit, monitor)
        return
    for engine, rows in parts:
        part = monitor.part(rows.start / sweep.num_rows, len(rows) / sweep.num_rows)
        some = sweep if len(rows) == sweep.num_rows else sweep.rows(rows.start, rows.stop)
        try:
            together = engine.run_together(some, options, admit, part)
        except StoppedError:
            raise
        except Exception:  # noqa: BLE001 (whatever it is, it may be one row's)
            together = None
        if together is not None:
            yield together
        else:
            yield from _run_rows(some, options, admit, part)


def _run_rows(sweep: Sweep, options: Options, admit: Callable[[int], None], monitor: Monitor) -> Iterator[Outcome]:
    share = 1 / sweep.num_rows
    for done, experiment in enumerate(sweep.experiments()):
        yield _run_experiment(experiment, options, admit, monitor.part(done * share, share))


def _run_experiment(
    experiment: Experiment, options: Options, admit: Callable[[int], None], monitor: Monitor
) -> Outcome:
    """Return what becomes of an experiment, its failure among it."""
    shots = options.shots if experiment.shots is None else experiment.shots
    outcome = Outcome(
        index=experiment.index,
        seed=experiment.seed,
        first=experiment.first,
        shots=shots if options.output == "counts" else 1,
        outline=experiment.program.outline,
    )
    begin = time.perf_counter()
    try:
        done = _simulated(outcome, experiment, options, shots, admit, monitor)
    except StoppedError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, it becomes this experiment's failure)
        failure = Failure(type(error).__name__, str(error), traceback.format_exc())
        done = msgspec.structs.replace(outcome, failure=failure)
    return msgspec.structs.replace(done, time_taken=time.perf_counter() - begin)


def _simulated(
    outcome: Outcome,
    experiment: Experiment,
    options: Options,
    shots: int,
    admit: Callable[[int], None],
    monitor: Monitor,
) -> Outcome:
    """Return the outcome with what the run gave."""
    program, checkpoint = experiment.program, monitor.checkpoint
    engine = engine_for(program, options, checkpoint=checkpoint)
    prepared = engine.prepare(program, options, experiment.observables, checkpoint)
    needed_shots = engine.shots_needed(program, options, shots)
    states = prepared.bytes_required(needed_shots, checkpoint)
    of_shots = shots_bytes(program, options.output, needed_shots, memory=options.memory)
    # What most of it is for is what there must be less of.
    few = "qubits" if states > of_shots else "shots or memory=False" if options.memory else "shots"
    cure = f"use fewer {few}, or a worker with more memory"
    try:
        admit(states + of_shots)
    except MemoryRefusedError as error:
        raise MemoryRefusedError(f"{error}: {cure}") from error
    try:
        result = prepared.run(seed=experiment.seed, first=experiment.first, shots=shots, monitor=monitor)
        state_array = None if result.state is None else Array.over(result.state)
    except MemoryError as error:
        needed = size(states + of_shots, up=True)
        raise MemoryRefusedError(f"the simulation needs {needed} of memory: {error}: {cure}") from error
    packed = result.packed
    if packed is None and result.counts and program.num_clbits > WORD_BITS:
        packed = PackedReadout.of_keys(result.counts, result.memory, checkpoint)
    return msgspec.structs.replace(
        outcome,
        counts=result.counts if options.counts and packed is None else None,
        memory=result.memory if packed is None else None,
        packed=PackedMemories.of(packed, checkpoint) if options.counts and packed is not None else None,
        state=state_array,
        expectations=None if result.expectations is None else Array.of(result.expectations),
        standard_errors=None if result.standard_errors is None else Array.of(result.standard_errors),
        saved=result.saved,
        run=prepared.metadata,
    )
