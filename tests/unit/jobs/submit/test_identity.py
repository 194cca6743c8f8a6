"""What makes two submissions under one id the same job."""

from __future__ import annotations

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from support.in_process import context_of

from jobs.errors import BasicAerError
from jobs.simulators import BACKENDS
from jobs.submit import prepare
from jobs.submit.identity import check, seed_of
from jobs.submit.options import DEFAULTS, resolve

ANGLE = Parameter("a")


def circuit(angle=0.5, *, name=None, registers=False):
    """Build a circuit anew, as a script does that is run again."""
    wires = (QuantumRegister(2), ClassicalRegister(2)) if registers else (2, 2)
    made = QuantumCircuit(*wires, name=name, metadata={"from": "a test"})
    made.rx(ANGLE, 0)
    made.cx(0, 1)
    made.measure([0, 1], [0, 1])
    return made.assign_parameters({ANGLE: angle})


def digest(circuits, job_id="mine", **options):
    backend = BACKENDS[0]
    given = dict(DEFAULTS[backend.OUTPUT]) | options
    return prepare(circuits, given, context_of(), job_id=job_id, store=None).job.digest


@pytest.mark.parametrize("registers", [True, False])
def test_a_circuit_that_is_built_again_is_the_same(registers):
    """Names that Qiskit counts up, of circuits and of registers, do not make another job, nor does no seed."""
    first, second = circuit(registers=registers), circuit(registers=registers)
    assert first.name != second.name
    assert digest([first, second]) == digest([second, circuit(registers=registers)])
    assert digest(first, job_id=None) != digest(second, job_id=None)


@pytest.mark.parametrize("option", [{"job_tags": ["x"]}, {"priority": 9}, {"job_timeout": 5}, {"expires": 5}])
def test_what_leaves_the_result_alone_makes_no_other_job(option):
    """Tags, priority and times are those of the first submission."""
    assert digest(circuit(), **option) == digest(circuit())


@pytest.mark.parametrize(
    "option",
    [{"shots": 7}, {"seed_simulator": 7}, {"memory": True}, {"precision": "single"}, {"chop_threshold": 0.1}],
)
def test_what_changes_the_result_makes_another(option):
    """Other shots, seeds, precisions, angles, names or numbers of circuits are other content."""
    assert digest(circuit(), **option) != digest(circuit())


def test_other_circuits_are_other_content():
    """A gate, an angle, a name that was given: each is seen."""
    plain = digest(circuit())
    assert plain != digest(circuit(0.6))
    assert plain != digest(circuit(name="vqe"))
    assert plain != digest([circuit(), circuit()])
    assert digest(circuit(name="circuit")) == plain
    assert digest([]) == digest([]) != digest([], shots=7)


@pytest.mark.rule(33)
def test_the_default_seed_follows_from_the_id():
    """Of jobs that are named, each id has a seed of its own, and a given one goes before it."""
    seeds = [resolve("counts", "b", {}, job_id=f"job-{number}")["seed_simulator"] for number in range(100)]
    assert len(set(seeds)) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seeds[7] == seed_of("job-7") == resolve("counts", "b", {}, job_id="job-7")["seed_simulator"]
    assert resolve("counts", "b", {"seed_simulator": 0}, job_id="job-7")["seed_simulator"] == 0
    # What was said once stays: another version of this package must not make it another job.
    assert seed_of("mine") == 254249150


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "x" * 129, "ä", 7, b"mine"])
def test_an_id_that_cannot_be_is_refused(bad):
    """An id names a key and a task: letters, digits, dots, underscores and hyphens, and not too many."""
    with pytest.raises(BasicAerError, match=r"^job_id=.* cannot name a job: an id is 1 to 128 letters"):
        check(bad)
    assert check("mine.1_-") == "mine.1_-"
