"""Arguments of a wrong type or size: each public method refuses them with one error that names the value."""

from __future__ import annotations

import asyncio
import datetime
import re

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import JobError
from support.circuits import bell

from jobs import BasicAerError

NOT_TIMES = ("a", float("nan"), True, 1j, [], datetime.timedelta(1))
NOT_COUNTS = (-1, 1.5, "3", True, float("nan"))
NOT_MOMENTS = ("yesterday", 5, datetime.date(2026, 1, 1), datetime.datetime.min)  # noqa: DTZ901 (no local time has it)
JOBS = [
    *(("created_after", value) for value in NOT_MOMENTS),
    *(("created_before", value) for value in NOT_MOMENTS[:3]),
    *((name, value) for name in ("limit", "skip") for value in NOT_COUNTS),
    *(("status", value) for value in (5, "ENDED", ["DONE", 7], 1.5, [None])),
    *(("pending", value) for value in ("yes", 1)),
    *(("backend_name", value) for value in (5, ["qasm_simulator"])),
    *(("job_tags", value) for value in ("one", 5, [1], b"one")),
]


@pytest.mark.rule(14, 23)
@pytest.mark.parametrize(("name", "value"), JOBS)
def test_jobs(quiet, name, value):
    """`provider.jobs` refuses what cannot be meant, and names it."""
    shown = value[-1] if name == "status" and isinstance(value, list) else value
    with pytest.raises(BasicAerError, match=re.escape(repr(shown))):
        quiet.jobs(**{name: value})


@pytest.mark.rule(14)
def test_jobs_takes_what_can_be_meant(quiet):
    """Large numbers, NumPy's and times far away are no errors."""
    import numpy as np

    job = quiet.get_backend().run(bell(), job_tags=("one",))
    for found in (
        quiet.jobs(limit=10**30), quiet.jobs(limit=np.int64(2)), quiet.jobs(skip=np.uint8(0)),
        quiet.jobs(limit=None),
        quiet.jobs(job_tags={"one"}), quiet.jobs(status=("queued", "DONE")), quiet.jobs(pending=True),
        quiet.jobs(created_before=datetime.datetime(9999, 1, 1, tzinfo=datetime.timezone.utc)),
    ):  # fmt: skip
        assert found == [job]
    assert quiet.jobs(skip=10**30) == quiet.jobs(limit=0) == []
    job.cancel()


@pytest.mark.rule(11, 12)
@pytest.mark.parametrize("value", NOT_TIMES)
def test_times_to_wait(quiet, value):
    """A time that is no number is refused at once, in every method that waits."""
    job = quiet.get_backend().run(bell())
    for call in (
        lambda: job.result(timeout=value),
        lambda: job.result(value, partial=True),
        lambda: asyncio.run(job.result_async(value)),
        lambda: job.wait_for_final_state(timeout=value),
        lambda: job.wait_for_final_state(1, wait=value),
        lambda: job.wait_for_final_state(1, wait=value, callback=print),
    ):
        with pytest.raises(BasicAerError, match=re.escape(f"={value!r} must be a number of seconds")):
            call()
    job.cancel()


@pytest.mark.rule(8, 12, 13, 16)
def test_other_arguments_of_a_job(quiet):
    """Ids, tags and callbacks, likewise."""
    backend = quiet.get_backend()
    job = backend.run(bell())
    with pytest.raises(BasicAerError, match="callback=5 must be a function"):
        job.wait_for_final_state(1, callback=5)
    for tags in ("one", 5, [1]):
        with pytest.raises(BasicAerError, match=re.escape(f"job_tags={tags!r} must be a list of strings")):
            job.update_tags(tags)
    for job_id in (5, b"id", "", "a b", ["a"]):
        for call in (quiet.job, quiet.retrieve_job, quiet.delete_job, backend.retrieve_job):
            with pytest.raises(JobError, match=re.escape(repr(job_id))):
                call(job_id)
        for call in (backend.run, backend.create_job):
            with pytest.raises(BasicAerError, match=re.escape(repr(job_id))):
                call(bell(), job_id=job_id)
    for seconds in (1e300, 10**400, float("inf"), None):
        job.wait_for_final_state(-1) if job.in_final_state() else job.cancel()
        job.wait_for_final_state(timeout=seconds)


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("qasm_simulator", {"initial_statevector": "zero"}),
        ("statevector_simulator", {"initial_statevector": [[1, 0], [0]]}),
        ("unitary_simulator", {"initial_unitary": [["a", 0], [0, 1]]}),
        ("unitary_simulator", {"initial_unitary": {}}),
        ("qasm_simulator", {"chop_threshold": 1j}),
        ("qasm_simulator", {"job_timeout": 1j}),
        ("qasm_simulator", {"job_tags": 5}),
        ("qasm_simulator", {"parameter_binds": 5}),
        ("qasm_simulator", {"parameter_binds": [{0: [1, 2]}]}),
        ("qasm_simulator", {"parameter_binds": [{None: 1}]}),
    ],
)
def test_options(quiet, backend, options):
    """An option of a wrong type is a BasicAerError, never NumPy's or Python's error."""
    circuit = QuantumCircuit(1, 1)
    if "parameter_binds" in options:
        circuit.rx(Parameter("theta"), 0)
    with pytest.raises(BasicAerError):
        quiet.get_backend(backend).run(circuit, **options)
