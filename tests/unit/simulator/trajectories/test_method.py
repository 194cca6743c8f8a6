"""Trajectories as an engine: what is chosen, how shots are cut, and what is estimated before a run."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from support.noise import channel, damping, depolarizing, kraus
from support.noisy_programs import noisy_program, with_channels
from support.programs import measures

from simulator.choice import engine_for
from simulator.circuit.instructions import Gate, Instruction, Measure, Noise
from simulator.circuit.program import Program
from simulator.execution import run_shard
from simulator.monitor import SILENT, Monitor
from simulator.narrow import orders
from simulator.options import Options
from simulator.sampling import ShotCounts
from simulator.shards.part import merge
from simulator.shards.result import Outcome
from simulator.shards.shard import Experiment, Shard
from simulator.split import split
from simulator.trajectories import TRAJECTORIES, TrajectoryPlan, read_circuit, run
from simulator.trajectories.estimate import estimate


def rotations(num_qubits: int, layers: int, error: float) -> Program:
    """Rotations and CX gates with noise behind each: nearly all errors are left in the circuit."""
    rng = np.random.default_rng(num_qubits)
    body: list[Instruction] = []
    for _ in range(layers):
        for qubit in range(num_qubits):
            body += [Gate("u", (qubit,), tuple(rng.uniform(-3, 3, 3).tolist())), Noise(0, (qubit,))]
        for qubit in range(num_qubits - 1):
            body += [Gate("x", (qubit + 1,), (), (qubit,)), Noise(1, (qubit, qubit + 1))]
    channels = depolarizing(error), depolarizing(error, 2)
    return with_channels(num_qubits, num_qubits, channels, *body, *measures(num_qubits))


@pytest.mark.rule(42)
def test_noise_at_many_qubits_is_run_by_trajectories() -> None:
    """Where a density matrix would be large; and what is measured on its way is not."""
    options = Options("counts", 1000)
    assert engine_for(rotations(13, 3, 0.01), options) is TRAJECTORIES
    early = with_channels(2, 2, [depolarizing(0.1)], Noise(0, (0,)), Measure(0, 0), Gate("h", (0,)), Measure(0, 1))
    assert engine_for(early, options) is not TRAJECTORIES
    assert engine_for(rotations(21, 1, 0.01), options) is not TRAJECTORIES


@pytest.mark.rule(32)
@pytest.mark.parametrize("memory", [False, True])
def test_shards_add_up_to_the_whole(memory: bool) -> None:
    """Shots that `split` cuts read what they read in one run."""
    options = Options("counts", 3000, memory=memory)
    experiment = Experiment(0, 3, rotations(13, 3, 0.02))
    shards = list(split(options, [experiment]))
    assert len(shards) > 1
    parts = [run_shard(shard).outcomes[0] for shard in shards]
    (whole,) = run_shard(Shard(options, (experiment,))).outcomes
    assert isinstance(whole, Outcome)
    counts: Counter[str] = Counter()
    remembered: list[str] = []
    for part in parts:
        assert isinstance(part, Outcome)
        counts.update(part.counts or {})
        remembered += part.memory or []
    assert dict(counts) == whole.counts
    assert remembered == (whole.memory or [])


@pytest.mark.rule(42)
def test_what_shots_share_adds_up_over_shards() -> None:
    """However shots are cut, as many have errors, and in as many some are left; each shard has its patterns."""
    options = Options("counts", 3000, method="statevector")
    noisy = rotations(10, 2, 0.005)
    found = []
    for sizes in ([3000], [1000, 2000], [1, 1500, 700, 799]):
        first, parts = 0, []
        for size in sizes:
            parts.append(run_shard(Shard(options, (Experiment(0, 3, noisy, first, size),))))
            first += size
        either, backwards = merge(parts), merge(reversed(parts))
        (outcome,) = either.outcomes
        assert outcome.run is not None
        assert outcome.run.sharing is not None
        assert backwards.outcomes[0].run == outcome.run
        found.append(outcome.run.sharing)
    whole = found[0]
    assert 3000 > whole.shots_with_errors >= whole.shots_in_patterns > whole.patterns > 0
    for cut in found[1:]:
        assert cut.shots_with_errors == whole.shots_with_errors
        assert cut.shots_in_patterns == whole.shots_in_patterns
        assert whole.patterns < cut.patterns <= whole.shots_in_patterns


@pytest.mark.parametrize(("error", "shots"), [(0.0005, 3000), (0.004, 1000), (0.03, 300)])
def test_the_states_that_are_estimated_come(error: float, shots: int) -> None:
    """Within a factor of two, from few errors that come again and again to a state for each shot."""
    noisy = rotations(6, 6, error)
    counts = ShotCounts(shots, memory=False)
    plan = TrajectoryPlan.of(read_circuit(noisy), np.dtype(np.complex128), SILENT.checkpoint)
    sharing = run(plan, seed=1, first=0, shots=shots, shot_counts=counts, monitor=SILENT)
    assert 0.5 < estimate(noisy).patterns(shots) / sharing.patterns < 2


def test_checkpoints_are_never_far_apart() -> None:
    """Of CPU time, also where states choose and rows are wide."""
    wide = rotations(16, 1, 0.02)
    choosing = noisy_program(0, 4)
    relaxing = with_channels(
        9,
        9,
        [channel(1, (1.0, (kraus(damping(0.1)),)))],
        *(each for _ in range(4) for qubit in range(9) for each in (Gate("sx", (qubit,)), Noise(0, (qubit,)))),
        *measures(9),
    )
    for noisy, shots in ((wide, 20), (choosing, 20_000), (relaxing, 300)):
        options = Options("counts", shots)
        looks = [time.thread_time()]

        def checkpoint(looks: list[float] = looks) -> None:
            looks.append(time.thread_time())

        prepared = TRAJECTORIES.prepare(noisy, options, (), checkpoint)
        reported: list[float] = []
        prepared.run(seed=1, first=0, shots=shots, monitor=Monitor(checkpoint, reported.append))
        assert np.diff(looks).max() < 0.05
        assert reported[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("num_bits", [12, 13, 14, 15])
def test_orders_of_wide_states(num_bits: int) -> None:
    """A move between two orders brings each amplitude to where its bits say."""
    before, after = 0b1001 | 1 << num_bits - 1, 0b110 | 1 << num_bits - 2
    rows = np.arange(2 << num_bits).reshape(2, -1)
    goal = np.empty_like(rows)
    orders.rearrange(num_bits, before, after, rows, goal)
    old, new = orders.positions(num_bits, before), orders.positions(num_bits, after)
    index = np.arange(1 << num_bits)
    source = sum((index >> new[bit] & 1) << old[bit] for bit in range(num_bits))
    assert np.array_equal(goal, rows[:, source])
