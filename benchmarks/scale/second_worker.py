"""What a second worker gains, beside what a second plain process gains with the same kernels in the same run."""

from __future__ import annotations

import multiprocessing
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from benchmarks.common.agreement import DisagreementError, check_counts
from benchmarks.common.machine import Watch
from benchmarks.common.rounds import Contender, in_turns
from benchmarks.common.site import Site, family_seconds
from benchmarks.scale.rows import Row
from jobs.backend import BasicAerBackend
from jobs.lowering import lower
from simulator.circuit.program import Program
from simulator.kernels.threads import use_threads
from simulator.statevector import run
from worker.record import keys

_WANTED = 0.95
_SEED = 1
#: Circuits of the one job, each long enough for a shard of its own, and what they are.
_CIRCUITS, _WIDTH, _DEPTH, _SHOTS = 32, 16, 40, 1024
#: The dynamic circuit: each measurement parts the shots, so that soon each has a state of its own.
_DYNAMIC_WIDTH, _MEASUREMENTS, _DYNAMIC_SHOTS = 12, 30, 8192
#: Parts into which its shots are cut by hand for the plain processes.
_BLOCKS = 16
_PATIENCE = 1800


def workers(rounds: int) -> Iterator[Row]:
    """Measure one job of many circuits on one and two workers of one thread."""
    rng = np.random.default_rng(_SEED)
    circuits = [_deep(rng) for _ in range(_CIRCUITS)]
    programs = [(lower(circuit), _SHOTS) for circuit in circuits]
    row = Row(
        section="workers",
        name=f"2 workers / 1: {_CIRCUITS} circuits of {_WIDTH} qubits",
        figure=_share,
        unit="x",
        wanted=_WANTED,
    )

    def check(answers: Mapping[str, list[dict[str, int]]]) -> None:
        check_same(answers)
        for ours, plain in zip(answers["2 ours"], answers["2 plain"], strict=True):
            check_counts(ours, plain)

    yield _measured(
        row, rounds, lambda backend: backend.run(circuits, shots=_SHOTS, seed_simulator=_SEED), programs, check
    )


def dynamic(rounds: int) -> Iterator[Row]:
    """Measure one dynamic circuit, whose shots the cutting has to divide."""
    circuit = _parting(np.random.default_rng(_SEED))
    program = lower(circuit)
    row = Row(
        section="dynamic",
        name=f"2 workers / 1: {_DYNAMIC_WIDTH} qubits, {_MEASUREMENTS} mid-circuit measurements",
        figure=_share,
        unit="x",
        wanted=_WANTED,
    )

    def check(answers: Mapping[str, list[dict[str, int]]]) -> None:
        check_same(answers)
        add_counts: Counter[str] = Counter()
        for counts in answers["2 plain"]:
            add_counts.update(counts)
        check_counts(answers["2 ours"][0], add_counts)

    yield _measured(
        row,
        rounds,
        lambda backend: backend.run(circuit, shots=_DYNAMIC_SHOTS, seed_simulator=_SEED),
        [(program, _DYNAMIC_SHOTS // _BLOCKS)] * _BLOCKS,
        check,
    )


def _measured(
    row: Row,
    rounds: int,
    submit: Callable[[BasicAerBackend], Any],
    programs: list[tuple[Program, int]],
    check: Callable[[Mapping[str, Any]], None],
) -> Row:
    """Run a job on one and on two workers, and its programs in one and in two plain processes."""
    shards = 0
    with ExitStack() as stack:

        def ours(workers: int) -> Contender:
            site, backend = started(stack, workers)

            def run() -> Any:
                nonlocal shards
                job = submit(backend)
                result = job.result(timeout=_PATIENCE)
                shards = int(site.client.hget(keys.key("job", job.job_id()), "total") or 0)
                return result

            return Contender(f"{workers} ours", run, lambda result: [each.data.counts for each in result.results])

        def plain(processes: int) -> Contender:
            # Not forked: this process has threads.
            pool = stack.enter_context(
                multiprocessing.get_context("spawn").Pool(processes, _begin_plain, (programs,))
            )
            indices = range(len(programs))
            return Contender(f"{processes} plain", lambda: pool.map(_run_plain, indices, chunksize=1), list)

        contenders = [make(number) for make in (ours, plain) for number in (1, 2)]
        watch = Watch(family_seconds)
        seconds = in_turns(contenders, check=check, rounds=rounds, warm_up=True)
        others = watch.others()
    medians = {name: statistics.median(runs) for name, runs in seconds.items()}
    note = ", ".join(
        f"{name} gains {medians[f'1 {name}'] / medians[f'2 {name}']:.2f}x" for name in ("ours", "plain")
    )
    return replace(row, seconds=seconds, others=others, notes=(f"{shards} shards; {note}",))


def started(stack: ExitStack, workers: int) -> tuple[Site, BasicAerBackend]:
    """Return a site with so many workers of one thread, and its backend."""
    site = stack.enter_context(Site())
    backend = stack.enter_context(site.provider()).get_backend()
    site.hire(workers, BASICAER_THREADS="1")
    return site, backend


def _share(seconds: Mapping[str, float]) -> float:
    """Return which part of the plain processes' gain ours is."""
    return (seconds["1 ours"] / seconds["2 ours"]) / (seconds["1 plain"] / seconds["2 plain"])


def _begin_plain(programs: list[tuple[Program, int]]) -> None:
    """Begin a plain process: one thread, and the programs at hand, with the shots of each."""
    use_threads(1)
    _PROGRAMS.extend(programs)


#: Of a plain process.
_PROGRAMS: list[tuple[Program, int]] = []


def _run_plain(index: int) -> dict[str, int]:
    program, shots = _PROGRAMS[index]
    return run(program, seed=index, shots=shots).counts or {}


def check_same(answers: Mapping[str, Any]) -> None:
    """Look that the number of workers changes no count."""
    if answers["1 ours"] != answers["2 ours"]:
        raise DisagreementError("one worker and two do not give the same counts")


def _deep(rng: np.random.Generator) -> QuantumCircuit:
    """Return layers of a random u on every qubit, then CX on random pairs; all is measured."""
    circuit = QuantumCircuit(_WIDTH)
    for _ in range(_DEPTH):
        for qubit in range(_WIDTH):
            circuit.u(*rng.uniform(0, np.pi, 3), qubit)
        order = rng.permutation(_WIDTH).tolist()
        for control, target in zip(order[0::2], order[1::2], strict=True):
            circuit.cx(control, target)
    circuit.measure_all()
    return circuit


def _parting(rng: np.random.Generator) -> QuantumCircuit:
    """Return rounds of: rotate two qubits by random angles, entangle them, measure one."""
    circuit = QuantumCircuit(_DYNAMIC_WIDTH, _MEASUREMENTS)
    for clbit in range(_MEASUREMENTS):
        one, other = rng.choice(_DYNAMIC_WIDTH, 2, replace=False).tolist()
        circuit.ry(rng.uniform(0.5, 2.5), one)
        circuit.ry(rng.uniform(0.5, 2.5), other)
        circuit.cx(one, other)
        circuit.measure(other, clbit)
    return circuit
