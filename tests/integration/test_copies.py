"""Copies of backends, providers and jobs, in this process and in others."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
from support.circuits import bell
from support.patience import deadline
from support.processes import ROOT, RedisServer

from jobs import BasicAerProvider
from jobs.backend import BasicAerBackend
from jobs.simulators import QasmSimulator


class Derived(QasmSimulator):
    """A user's own backend."""


def counts(backend: BasicAerBackend) -> dict[str, int]:
    """What a backend gives, in whatever process."""
    return backend.run(bell(), seed_simulator=5).result(timeout=deadline(60)).get_counts()


def counts_of(provider: BasicAerProvider) -> dict[str, int]:
    """The same, of a provider."""
    return counts(provider.get_backend())


@pytest.mark.rule(15)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy(provider, copied):
    """Copies are equal and work; options are each one's own."""
    backend = provider.get_backend()
    backend.set_options(shots=7, memory=True)
    made = copied(backend)

    assert made == backend
    assert type(made) is type(backend)
    assert dict(made.options) == dict(backend.options)
    made.set_options(shots=9)
    assert sum(counts(made).values()) == 9
    assert sum(counts(backend).values()) == 7

    job = backend.run(bell(), seed_simulator=5)
    job.metadata["note"] = [1]
    again = copied(job)
    assert (again, again.metadata) == (job, job.metadata)
    assert again.result(timeout=deadline(30)).get_counts() == counts(backend)
    assert copied(provider).address == provider.address
    assert counts_of(copied(provider)).keys() == {"00", "11"}


@pytest.mark.rule(15)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy_of_a_derived_backend(provider, copied):
    """A backend of a user's own class is copied as what it is, and works."""
    backend = Derived(provider, shots=7)
    made = copied(backend)
    assert type(made) is Derived
    assert made == backend
    assert sum(counts(made).values()) == 7


@pytest.mark.rule(15)
def test_a_copy_has_the_line_of_its_original(short_folder):
    """In this process a copy needs no password of its own, and is not yet submitted if its job is not."""
    server = RedisServer(short_folder, password="s3cret").start()  # noqa: S106 (the test is about it)
    provider = BasicAerProvider(server.url)
    try:
        backend = copy.deepcopy(provider).get_backend()
        job = copy.deepcopy(backend).create_job(bell())
        twin = copy.deepcopy(job)
        assert twin.async_result is None
        job.submit()
        twin.submit()
        assert twin.status() == copy.copy(job).status()
        for each in (provider, backend, job):
            assert b"s3cret" not in pickle.dumps(each)
        job.cancel()
    finally:
        provider.close()
        server.stop()


@pytest.mark.rule(15, 37)
def test_in_another_process_with_another_address(provider, server):
    """What comes out of a pickle works in a process that has its own BASICAER_URL."""
    elsewhere = BasicAerProvider("redis://:s3cret@nowhere.example:1/0")
    backend = elsewhere.get_backend()
    backend.set_options(shots=11)
    data = pickle.dumps((elsewhere, backend))
    assert b"s3cret" not in data
    code = (
        "import pickle; provider, backend = pickle.loads(bytes.fromhex(sys.argv[1]));"
        "assert backend.provider is provider;"
        "from qiskit import QuantumCircuit; c = QuantumCircuit(1); c.x(0); c.measure_all();"
        "print(backend.name, provider.address, backend.run(c).result(timeout=60).get_counts())"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}", data.hex()],
        cwd=ROOT, env={"BASICAER_URL": server.url, "PATH": "/usr/bin:/bin"}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == f"qasm_simulator {provider.address} {{'1': 11}}"


@pytest.mark.rule(15)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_process_pools(provider, method):
    """A pool of processes, however made, takes backends and providers, also after they were used."""
    expected = counts(provider.get_backend())
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        done = list(pool.map(counts, [provider.get_backend()] * 4, timeout=120))
        done += pool.map(counts_of, [provider] * 2, timeout=120)
    assert done == [expected] * 6
