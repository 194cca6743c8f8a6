"""Whatever dies or freezes, the job ends DONE with the counts of a quiet run, or says why not."""

from __future__ import annotations

import contextlib
import signal

import numpy as np
import pytest
from qiskit import QuantumCircuit
from support.faults.farm import Farm, Part, lasting
from support.faults.servers import ONE_AND_TWO
from support.patience import deadline
from support.processes import eventually

from jobs import NoiseSpec
from worker.record import keys
from worker.settings import QUEUE

pytestmark = pytest.mark.rule(34, 35)

one_and_two = pytest.mark.parametrize("farm", ONE_AND_TWO, indirect=True)
two = pytest.mark.parametrize("farm", [2], indirect=True)


@pytest.mark.rule(34)
@one_and_two
@pytest.mark.parametrize("part", Part, ids=str)
def test_killed(farm: Farm, part: Part):
    """SIGKILL of a child, of its parent, or of both, amid a shard costs no job and no count."""
    job = farm.run(*[lasting(1.5)] * 3)
    runner = farm.runner(job)

    part.send(runner, signal.SIGKILL)
    if part is not Part.CHILD:
        runner.worker.process.wait(deadline(10))
        farm.hire()

    # The orphan of a dead parent may live to complete its shard.
    farm.check_done(job, lapses=[0, 1] if part is Part.PARENT else [1])
    farm.settle()
    farm.check_done(job)


@two
def test_one_of_two_nodes_under_load(farm: Farm):
    """The death of one of two nodes that have work delays the job that it ran by a lease and 10 s at most."""
    seconds = 1.0
    quiet = farm.run(lasting(seconds))
    farm.check_done(quiet)
    struck = farm.run(lasting(seconds))
    runner = farm.runner(struck)
    load = [farm.run(*[lasting(0.2)] * 4) for _ in range(4)]

    Part.GROUP.send(runner, signal.SIGKILL)
    farm.check_done(struck, lapses=[1])

    # Each from its beginning: the load was submitted later, and waits behind it.
    took = {job: farm.record(job).ended - farm.record(job).started for job in (quiet, struck)}
    assert took[struck] - took[quiet] < farm.lease + deadline(10)
    for job in load:
        farm.check_done(job, lapses=[0])


@pytest.mark.rule(35)
@one_and_two
def test_third_death(farm: Farm):
    """A shard whose worker dies three times is an error part that says so; its neighbours go on."""
    job = farm.run(lasting(30), lasting(0.5), lasting(0.5))
    neighbour = farm.run(lasting(0.5))

    for _ in range(3):
        Part.CHILD.send(farm.runner(job), signal.SIGKILL)

    job.wait_for_final_state(timeout=deadline(30))
    assert job.error_message() == "WorkerLostError: worker died 3 times while running it"
    assert farm.record(job).lapses == 3
    partial = job.result(partial=True)
    assert [each.success for each in partial.results] == [False, True, True]
    assert [each.data.counts for each in partial.results[1:]] == farm.expected(3)[1:]
    farm.check_state(job, "ERROR", "FAILURE")
    farm.check_done(neighbour)
    farm.settle()
    farm.check_state(job, "ERROR", "FAILURE")


@pytest.mark.rule(34)
@one_and_two
def test_message_lost_at_a_dying_worker(farm: Farm):
    """A message that Redis gave to a worker which never read it is sent again."""
    for _ in range(20):
        if job := _lost_at_a_stop(farm):
            break
    else:
        pytest.fail("no message was lost")

    for worker in farm.workers:
        worker.stop(signal.SIGKILL)
    farm.hire()

    farm.check_done(job, lapses=[0])


@pytest.mark.rule(34)
@two
@pytest.mark.parametrize("part", [Part.CHILD, Part.GROUP], ids=str)
def test_zombie(farm: Farm, part: Part):
    """A run that slept past its lease and wakes when another has done its shard writes nothing."""
    job = farm.run(lasting(1))
    runner = farm.runner(job)

    part.send(runner, signal.SIGSTOP)
    farm.check_done(job, lapses=[1])
    before = _stored(farm, job)
    # Its node kills it where it sleeps for long.
    with contextlib.suppress(ProcessLookupError):
        part.send(runner, signal.SIGCONT)

    farm.settle()
    assert _stored(farm, job) == before
    farm.check_done(job, lapses=[1])


@pytest.mark.rule(34)
def test_zombie_in_the_only_slot(farm: Farm):
    """A run that slept past its lease stops when it wakes, or is killed; its slot runs it again."""
    job = farm.run(lasting(1))
    runner = farm.runner(job)

    Part.CHILD.send(runner, signal.SIGSTOP)
    eventually(lambda: farm.record(job).lapses, what="the lapse")
    with contextlib.suppress(ProcessLookupError):
        Part.CHILD.send(runner, signal.SIGCONT)

    farm.check_done(job, lapses=[1])
    assert farm.logged("is no longer wanted here") + farm.logged("after it was no longer wanted: killed") >= 1


@pytest.mark.rule(34)
def test_zombie_of_the_only_node(farm: Farm):
    """A frozen node alone finds, when it wakes, that nobody could know: it goes on, no lapse counts."""
    job = farm.run(lasting(2))
    runner = farm.runner(job)

    Part.GROUP.send(runner, signal.SIGSTOP)
    _lease_is_over(farm, job)
    Part.GROUP.send(runner, signal.SIGCONT)

    farm.check_done(job, lapses=[0])


@pytest.mark.rule(34)
@one_and_two
def test_zombie_amid_a_large_part(farm: Farm):
    """One that sleeps between two chunks of its part leaves none of them, and the part is whole."""
    circuit = QuantumCircuit(21)
    # Rounds enough for the run to last, so that Celery is told who has it.
    with circuit.for_loop(range(10)):
        for qubit in range(21):
            circuit.rx(0.1 * (qubit + 1), qubit)
    backend = farm.backend.provider.get_backend("statevector_simulator")
    expected = np.asarray(backend.run(circuit).result(timeout=deadline(30)).get_statevector())

    for _ in range(10):
        job = backend.run(circuit)
        if runner := _caught_at_a_chunk(farm, job):
            break
    else:
        pytest.fail("no run was caught between two chunks")
    eventually(lambda: farm.record(job).lapses, what="the lapse")
    # Where there is another node, it does the shard before this one wakes; the only slot can do it only then.
    if len(farm.workers) > 1:
        job.wait_for_final_state(timeout=deadline(30))
    before = _stored(farm, job)
    with contextlib.suppress(ProcessLookupError):
        Part.CHILD.send(runner, signal.SIGCONT)
    state = np.asarray(job.result(timeout=deadline(30)).get_statevector())
    farm.settle()

    assert np.array_equal(state, expected)
    if len(farm.workers) > 1:
        assert _stored(farm, job) == before
    assert farm.record(job).lapses == 1
    farm.check_state(job, "DONE", "SUCCESS")


@pytest.mark.rule(34)
@one_and_two
def test_longer_than_leases(farm: Farm):
    """A task of five leases is started once, and its message is sent once."""
    wanted = seconds = 6 * farm.lease
    # How fast the machine is now is hard to say: if that was too short, then longer.
    for _ in range(6):
        job = farm.run(lasting(seconds))
        farm.check_done(job, lapses=[0])
        times = job.timestamps()
        took = (times["finished"] - times["running"]).total_seconds()
        if took > 5 * farm.lease:
            break
        seconds *= max(1.5, wanted / took)
    else:
        pytest.fail("no job lasted five leases")

    assert farm.logged(f"Task worker.run_shard[{job.job_id()}] received") == 1


def _lost_at_a_stop(farm: Farm):
    """Stop all nodes and submit a job: its message is in no list any more; None: it is, and the nodes go on."""
    circuit = lasting(0.2)
    # Redis answers the blocked pop of a process that does not run; one that was between two pops asks for nothing.
    eventually(
        lambda: any("b" in each["flags"] for each in farm.client.client_list()), what="a node that waits for work"
    )
    for worker in farm.workers:
        worker.process.send_signal(signal.SIGSTOP)
    job = farm.run(circuit)
    if not farm.client.exists(QUEUE):
        return job
    for worker in farm.workers:
        worker.process.send_signal(signal.SIGCONT)
    farm.check_done(job, lapses=[0])
    return None


def _stored(farm: Farm, job):
    """All that Redis has of a job, but for the lives of its keys."""
    kinds = ("job", "payload", "parts", "retry")
    return [farm.client.dump(keys.key(kind, job.job_id())) for kind in kinds]


def _lease_is_over(farm: Farm, job) -> None:
    """Wait until the lease of a job's first shard has run out."""
    member = f"{job.job_id()}/0"

    def over() -> bool:
        seconds, micros = farm.client.time()
        end = farm.client.zscore(f"{keys.PREFIX}held", member)
        return end is not None and end / 1000 < seconds + micros / 1e6

    eventually(over, what="the end of the lease")


def _caught_at_a_chunk(farm: Farm, job):
    """Freeze the child that runs a job once it has PUT a chunk; None: it was done before."""
    runner = farm.runner(job)
    while not farm.client.hexists(keys.key("job", job.job_id()), "c:0"):
        if farm.record(job).final:
            return None
    Part.CHILD.send(runner, signal.SIGSTOP)
    if not farm.client.hexists(keys.key("job", job.job_id()), "c:0"):
        Part.CHILD.send(runner, signal.SIGCONT)
        return None
    return runner


def _frames() -> tuple[QuantumCircuit, dict[str, object]]:
    circuit = QuantumCircuit(30, 4, name="frames")
    for _ in range(60):
        circuit.h(range(30))
        circuit.cx(range(29), range(1, 30))
        circuit.measure(range(4), range(4))
    return circuit, {"shots": 1_000_000}


def _layers(width: int, depth: int, name: str) -> QuantumCircuit:
    circuit = QuantumCircuit(width, 6, name=name)
    for layer in range(depth):
        for qubit in range(width):
            circuit.ry(0.1 + 0.2 * qubit + layer, qubit)
        for qubit in range(layer % 2, width - 1, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.measure(range(6), range(6))
    return circuit


def _trajectories() -> tuple[QuantumCircuit, dict[str, object]]:
    noise = NoiseSpec().depolarizing(0.02, ["cx"]).readout([[0.97, 0.03], [0.05, 0.95]])
    return _layers(13, 12, "trajectories"), {"shots": 5_000, "noise_model": noise}


def _matrix_product_states() -> tuple[QuantumCircuit, dict[str, object]]:
    method = {"method": "matrix_product_state", "max_bond": 40}
    return _layers(40, 24, "tensors"), {"shots": 2_000, **method}


@two
@pytest.mark.parametrize(
    ("make", "method", "part"),
    [
        (_frames, "stabilizer", Part.GROUP),
        (_trajectories, "statevector", Part.CHILD),
        (_matrix_product_states, "matrix_product_state", Part.GROUP),
    ],
)
def test_killed_amid_other_methods(farm: Farm, make, method: str, part: Part):
    """Pauli frames, trajectories and tensors, killed in the middle, give the counts of a run that is not."""
    circuit, options = make()
    options |= {"seed_simulator": 5, "max_shards": 1}
    struck = farm.backend.run(circuit, **options)
    Part.send(part, farm.runner(struck), signal.SIGKILL)
    quiet = farm.backend.run(circuit, **options)

    results = [job.result(timeout=deadline(60)) for job in (struck, quiet)]
    assert results[0].get_counts() == results[1].get_counts()
    assert sum(results[0].get_counts().values()) == options["shots"]
    assert results[0].results[0].metadata["method"] == method
