"""What a second worker gains a job of one noisy circuit, whose shots the cutting has to divide: by two methods.

A job's time ends with its last shard: what the client does with the result is not in it. The counts on one worker
and on two are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from qiskit import QuantumCircuit

from benchmarks.common.machine import Watch
from benchmarks.common.rounds import Contender, in_turns
from benchmarks.common.site import family_seconds
from benchmarks.common.stim_circuits import memory_circuit, program_of
from benchmarks.scale.rows import Row
from benchmarks.scale.second_worker import check_same, started
from jobs import BasicAerJob, NoiseSpec
from jobs.backend import BasicAerBackend
from worker.record import keys

_WANTED = 1.7
_SEED = 1
_PATIENCE = 1800
#: A surface code of this distance, and its rounds' error probability.
_DISTANCE, _ERROR, _FRAMES = 5, 0.001, 10**6
_WIDTH, _DEPTH, _TRAJECTORIES = 20, 3, 10_000


def frames(rounds: int) -> Iterator[Row]:
    """Measure a memory experiment of a surface code by stabilizers."""
    circuit = program_of(memory_circuit("surface_code:rotated_memory_z", _DISTANCE, _ERROR))
    yield _measured(
        f"2 workers / 1: surface code of distance {_DISTANCE}, {_FRAMES:,} shots",
        rounds,
        lambda backend: backend.run(circuit, shots=_FRAMES, seed_simulator=_SEED),
    )


def trajectories(rounds: int) -> Iterator[Row]:
    """Measure rotations and CX in bricks, with depolarizing and readout noise, by sampled statevectors."""
    noise = NoiseSpec().depolarizing(0.0001, "ry").depolarizing(0.001, "cx").readout([[0.98, 0.02], [0.02, 0.98]])
    circuit = _bricks()
    yield _measured(
        f"2 workers / 1: noise on {_WIDTH} qubits, {_TRAJECTORIES:,} shots",
        rounds,
        lambda backend: backend.run(circuit, shots=_TRAJECTORIES, seed_simulator=_SEED, noise_model=noise),
    )


def _measured(name: str, rounds: int, submit: Callable[[BasicAerBackend], BasicAerJob]) -> Row:
    shards = 0
    with ExitStack() as stack:

        def ours(workers: int) -> Contender:
            site, backend = started(stack, workers)

            def run() -> BasicAerJob:
                job = submit(backend)
                job.wait_for_final_state(timeout=_PATIENCE)
                return job

            def answer(job: BasicAerJob) -> Any:
                nonlocal shards
                shards = int(site.client.hget(keys.key("job", job.job_id()), "total") or 0)
                counts = job.result().data()["counts"]
                job.delete()
                return counts

            return Contender(f"{workers} ours", run, answer)

        watch = Watch(family_seconds)
        seconds = in_turns([ours(1), ours(2)], check=check_same, rounds=rounds, warm_up=False)
        others = watch.others()
    row = Row(section="noise", name=name, figure=_gain, unit="x", wanted=_WANTED)
    return replace(row, seconds=seconds, others=others, notes=(f"{shards} shards",))


def _gain(seconds: Mapping[str, float]) -> float:
    return seconds["1 ours"] / seconds["2 ours"]


def _bricks() -> QuantumCircuit:
    circuit = QuantumCircuit(_WIDTH)
    for layer in range(_DEPTH):
        for qubit in range(_WIDTH):
            circuit.ry(0.3 + 0.1 * qubit + layer, qubit)
        for qubit in range(layer % 2, _WIDTH - 1, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit
