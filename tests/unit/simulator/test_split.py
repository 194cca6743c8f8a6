"""How a job is cut into shards changes nothing of its result."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.programs import Draw, h, measures, program, ry, x

from simulator import Shard, run_shard
from simulator import split as module
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import For, Gate, IfElse, Instruction, Measure, Range, Reset
from simulator.circuit.program import Program
from simulator.cost import work
from simulator.dynamic.timeline import Timeline
from simulator.options import Options
from simulator.rng import experiment_seed
from simulator.shards.part import Part, merge
from simulator.shards.result import Outcome
from simulator.shards.shard import Experiment, Sweep
from simulator.shards.sweeps import with_sweeps
from simulator.split import LEAST_SECONDS, MOST_SECONDS, expected_seconds, split

SEED = 4


def dynamic(seed: int, width: int = 3, rounds: int = 4) -> Program:
    """Measurements in the midst, of random angles: hardly two shots are in one state."""
    rng = np.random.default_rng(seed)
    body: list[Instruction] = []
    for round_ in range(rounds):
        body += [ry(float(rng.uniform(0, 3)), qubit) for qubit in range(width)]
        body += [x((qubit + 1) % width, qubit) for qubit in range(width)]
        body += [Measure(round_ % width, round_), IfElse(Clbit(round_), (Gate("rx", (0,), (0.4,)),))]
    return program(width, rounds + 1, *body, Reset(0), h(1), Measure(1, rounds))


def static(angle: float) -> Program:
    return program(2, 2, ry(angle, 0), x(1, 0), *measures(2))


def items_of(programs: list[Program]) -> list[Experiment | Sweep]:
    experiments = [Experiment(index, experiment_seed(SEED, index), each) for index, each in enumerate(programs)]
    return list(with_sweeps(experiments, SEED))


def answers(part: Part) -> list[tuple[int, int, dict[str, int], list[str] | None]]:
    """Index, shots, counts and memory of each experiment."""
    found = []
    for outcome in part.outcomes:
        if isinstance(outcome, Outcome):
            found.append((outcome.index, outcome.shots, outcome.counts, outcome.memory))
            continue
        memories = outcome.memory_of_rows()
        for row, counts in enumerate(outcome.counts_of_rows()):
            found.append((outcome.index + row, outcome.shots, counts, next(memories, None)))
    return found


@st.composite
def jobs(draw: Draw) -> tuple[Options, list[Program]]:
    kinds = [lambda: dynamic(draw(st.integers(0, 2))), lambda: static(draw(st.floats(0, 3)))]
    programs = [draw(st.sampled_from(kinds))() for _ in range(draw(st.integers(1, 6)))]
    shots, precision = draw(st.sampled_from([0, 1, 130, 700])), draw(st.sampled_from(["double", "single"]))
    return Options("counts", shots, memory=draw(st.booleans()), precision=precision), programs


@st.composite
def random_cuts(draw: Draw, options: Options, items: list[Experiment | Sweep]) -> list[Shard]:
    """Cut between any shots and any rows, and put the pieces together in any way that keeps their order."""
    pieces: list[Experiment | Sweep] = []
    for item in items:
        units = item.num_rows if isinstance(item, Sweep) else options.shots
        if units < 2:
            pieces.append(item)
            continue
        inner = draw(st.sets(st.integers(1, units - 1), max_size=4))
        for start, stop in pairwise([0, *sorted(inner), units]):
            if isinstance(item, Sweep):
                pieces.append(item.rows(start, stop))
            else:
                pieces.append(msgspec.structs.replace(item, first=start, shots=stop - start))
    shards: list[list[Experiment | Sweep]] = [[]]
    for piece in pieces:
        # Two pieces of one experiment are never in one shard.
        if shards[-1] and (shards[-1][-1].last >= piece.index or draw(st.booleans())):
            shards.append([])
        shards[-1].append(piece)
    return [Shard(options, tuple(some)) for some in shards]


@pytest.mark.rule(32)
@examples(40)
@given(jobs(), st.data())
def test_the_cut_changes_nothing(job: tuple[Options, list[Program]], data: st.DataObject) -> None:
    """Counts and memory are the same, bit for bit, whatever the shards and the order they end in."""
    options, programs = job
    items = items_of(programs)
    whole = answers(run_shard(Shard(options, tuple(items))))
    shards = data.draw(random_cuts(options, items))
    parts = [run_shard(shard) for shard in data.draw(st.permutations(shards))]
    assert answers(merge(parts)) == whole


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound on the length of shards that small circuits come to."""
    monkeypatch.setattr(module, "LEAST_SECONDS", 1e-3)
    monkeypatch.setattr(module, "MOST_SECONDS", 1e-2)


@pytest.mark.rule(32)
@pytest.mark.usefixtures("cheap")
def test_cut_by_cost() -> None:
    """Dynamic circuits are cut by shots and sweeps by rows, and the parts add up to the whole."""
    programs = [*[static(0.1 * k) for k in range(400)], dynamic(0, 4, 12), static(1.0)]
    options = Options("counts", 2000, memory=True)
    items = items_of(programs)
    shards = list(split(options, items))
    assert any(isinstance(item, Sweep) and item.num_rows < 400 for shard in shards for item in shard.items)
    assert any(isinstance(item, Experiment) and item.first for shard in shards for item in shard.items)
    assert answers(merge(map(run_shard, shards))) == answers(run_shard(Shard(options, tuple(items))))


@pytest.mark.slow
def test_bounds() -> None:
    """A shard carries at least 50 ms of estimated work, but for the last, and 2 s at most where it can be cut."""
    options = Options("counts", 20_000)
    shards = list(split(options, items_of([*[static(0.001 * k) for k in range(20_000)], dynamic(0, 12, 30)])))
    seconds = [expected_seconds(shard) for shard in shards]
    assert min(seconds[:-1]) >= LEAST_SECONDS * 0.999
    assert max(seconds) <= MOST_SECONDS * 1.1
    assert len(shards) > 20


@pytest.mark.parametrize("most", [1, 2, 3, 50])
def test_most(most: int) -> None:
    """`max_shards` bounds how many there are, and the work is spread over them."""
    options = Options("counts", 4096)
    items = items_of([static(0.1), dynamic(0, 10, 20), dynamic(1, 10, 20), static(0.2)])
    shards = list(split(options, items, most))
    assert len(shards) <= most
    if most <= 3:
        assert len(shards) == most
        seconds = [expected_seconds(shard) for shard in shards]
        assert max(seconds) < 2 * sum(seconds) / most


@pytest.mark.rule(22)
def test_nothing_is_a_shard() -> None:
    """A job of no circuits goes the way of all jobs."""
    options = Options("counts", 10)
    assert list(split(options, [])) == [Shard(options, ())]


def test_a_stream_is_not_held() -> None:
    """Shards come while circuits do: a job of any length can be submitted in bounded memory."""
    taken = 0

    def stream():
        nonlocal taken
        for index in range(10**6):
            taken = index
            yield Experiment(index, index, dynamic(index % 3, 10, 10))

    first = next(split(Options("counts", 1000), stream()))
    assert taken < 10
    assert first.items[0].index == 0


def test_rows_with_loops_cost_what_they_take() -> None:
    """Rows that cannot be run together are estimated as the circuits that they are."""
    loop = program(2, 2, ry(0.1, 0), For(Range(0, 10**5), ((h(1),),)), *measures(2))
    (sweep,) = items_of([loop] * 6)
    assert isinstance(sweep, Sweep)
    assert len(list(split(Options("counts", 10), [sweep]))) == 6


def test_shots_that_share_states_stay_together() -> None:
    """Cutting a circuit whose shots are in few states would only repeat the work."""
    few = program(2, 2, h(0), Measure(0, 0), x(1, 0), Measure(1, 1), h(0), *measures(2))
    assert not work(Timeline.of(few), 100_000).grows_with_shots
    assert work(Timeline.of(dynamic(0, 12, 30)), 100_000).grows_with_shots
    statevectors = Options("counts", 10**6, method="statevector")
    assert len(list(split(statevectors, items_of([few])))) == 1
