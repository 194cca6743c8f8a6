"""What people type and look at: short names, figures, and how things show themselves."""

from __future__ import annotations

import json
import re
import time

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobError, JobStatus
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from support.circuits import bell
from support.patience import deadline
from support.processes import RedisServer

from jobs import BasicAerProvider
from jobs.follow.workers import WorkerList

#: Text that would be markup if it were not escaped.
MARKUP = "<script>alert('&')</script>"


def cells(text):
    """The texts of a table's cells, still escaped."""
    return re.findall(r"<t[hd]>(.*?)</t[hd]>", text)


class TestChoosing:
    @pytest.mark.rule(19)
    def test_backends(self, provider):
        """Backends by name, by width, and by a function; all simulate, and all share one queue."""
        assert provider.backend() == provider.get_backend()
        assert provider.backend("unitary_simulator").name == "unitary_simulator"
        names = [backend.name for backend in provider.backends(simulator=True, operational=True)]
        assert names == [backend.name for backend in provider.backends()]
        assert provider.backends(simulator=False) == []
        unitary = provider.backend("unitary_simulator").num_qubits
        assert unitary < provider.backend().num_qubits
        wide = [backend.name for backend in provider.backends(min_num_qubits=unitary + 1)]
        assert {"qasm_simulator", "statevector_simulator", "stabilizer_simulator"} <= set(wide)
        assert "unitary_simulator" not in wide
        assert provider.backends(filters=lambda backend: "unitary" in backend.name) == [
            provider.backend("unitary_simulator")
        ]

    @pytest.mark.rule(19)
    def test_least_busy(self, provider):
        """The first of those that are wanted; an error says what no backend is."""
        assert provider.least_busy() == provider.backend("qasm_simulator")
        assert provider.least_busy(name="statevector_simulator").name == "statevector_simulator"
        with pytest.raises(QiskitBackendNotFoundError, match="'min_num_qubits': 20000"):
            provider.least_busy(min_num_qubits=20_000)

    def test_what_qiskit_1_had(self, provider):
        """It is gone, the error says what there is instead, and libraries that look for it see that it is not."""
        backend = provider.backend()
        assert not hasattr(backend, "configuration")
        with pytest.raises(AttributeError, match=r"configuration\(\) is gone from Qiskit 2.*num_qubits.*target"):
            backend.configuration()
        with pytest.raises(AttributeError, match=r"properties\(\) is gone.*no calibration"):
            backend.properties()
        with pytest.raises(AttributeError, match="'QasmSimulator' object has no attribute 'foo'"):
            backend.foo  # noqa: B018 (the look is the test)

    @pytest.mark.rule(21)
    def test_did_you_mean(self, provider):
        """A name that is nearly an option, or a part of one, is told which."""
        backend = provider.backend()
        for given, meant in (("shot", "shots"), ("seed", "seed_simulator"), ("timeout", "job_timeout")):
            with pytest.warns(UserWarning, match=f"^Option {given} is not used.*; did you mean {meant}\\?$"):
                backend.run(bell(), **{given: 1}).result()
            with pytest.raises(AttributeError, match=rf"field {given} is not valid.*did you mean {meant}\?"):
                backend.set_options(**{given: 1})
            with pytest.raises(AttributeError, match=rf"did you mean {meant}\?"):
                type(backend)(provider, **{given: 1})

    def test_dir(self, provider):
        """`dir` has what there is to call."""
        backend = provider.backend()
        assert {"backend", "backends", "least_busy", "job", "jobs", "workers"} <= set(dir(provider))
        assert {"run", "options", "target", "num_qubits", "name", "provider"} <= set(dir(backend))
        assert set(backend.options) <= set(dir(backend.options))
        job = backend.run(bell())
        assert {"result", "errored", "metrics", "inputs", "queue_info", "logs", "tags"} <= set(dir(job))


class TestFigures:
    @pytest.mark.rule(16)
    def test_a_job_that_is_done(self, provider):
        """Its inputs, and its metrics as JSON."""
        circuit = bell()
        job = provider.backend().run(circuit, shots=10, seed_simulator=1)
        job.result()
        assert job.errored() is False
        assert job.properties() is None
        assert job.queue_info() is None
        assert job.inputs["circuits"] == [circuit]
        assert job.inputs["options"] == job.options()
        metrics = json.loads(json.dumps(job.metrics()))
        assert list(metrics["timestamps"]) == ["created", "running", "finished"]
        assert metrics["usage"]["seconds"] == sum(metrics["usage"]["by_worker"].values()) > 0
        assert metrics["shards"] == {"done": 1, "total": 1, "failed": 0}
        assert metrics["num_circuits"] == 1

    @pytest.mark.rule(6)
    def test_a_job_that_failed(self, provider):
        """It errored, and its table says why; what was in the circuit is shown as text."""
        circuit = QuantumCircuit(1, 1, name=MARKUP)
        with circuit.while_loop((circuit.clbits[0], 0)):
            circuit.id(0)
        job = provider.backend().run(circuit, job_timeout=0.2, job_tags=[MARKUP])
        with pytest.raises(JobError):
            job.result()
        assert job.errored() is True
        shown = job._repr_html_()
        assert "ERROR" in cells(shown)
        assert "<script" not in shown
        assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in cells(shown)

    @pytest.mark.rule(16)
    def test_a_job_in_the_queue(self, quiet):
        """Where it stands, and since when."""
        first, second = (quiet.backend().run(bell()) for _ in range(2))
        assert first.queue_info().position == 0
        info = second.queue_info()
        assert (info.position, info.status) == (1, JobStatus.QUEUED)
        assert info.submitted == second.creation_date
        assert str(info).startswith("1 jobs go before; submitted 20")


class TestShown:
    def test_a_job(self, provider):
        """One line with status, date and backend; as a table with what there is."""
        backend = provider.backend()
        job = backend.run(bell(), shots=12)
        job.result()
        line = r"<BasicAerJob '{}' {} on qasm_simulator>"
        assert re.fullmatch(line.format(job.job_id(), r"DONE \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), repr(job))
        shown = cells(job._repr_html_())
        assert {"DONE", "12", "1 of 1 shards, 100%"} <= set(shown)
        job.delete()
        assert repr(job) == line.format(job.job_id(), "not found")
        held = backend.create_job(bell())
        assert repr(held) == line.format(held.job_id(), "not submitted")
        assert "not submitted" in cells(held._repr_html_())

    def test_the_others(self, provider):
        """Backend, provider and workers are tables."""
        backend = provider.backend()
        backend.set_options(shots=77)
        shown = cells(backend._repr_html_())
        assert {str(backend.num_qubits), "shots", "77"} <= set(shown)
        shown = provider._repr_html_()
        assert "2 known to be up" in shown
        workers = provider.workers()
        assert isinstance(workers, list)
        shown = cells(workers._repr_html_())
        assert {"WORKER", *(each.name for each in workers)} <= set(shown)
        assert WorkerList([])._repr_html_().startswith("<table><caption>0 workers</caption>")

    @pytest.mark.rule(18)
    def test_without_redis(self, short_folder):
        """What is shown does not wait for a Redis that is away, and raises nothing."""
        server = RedisServer(short_folder).start()
        provider = BasicAerProvider(server.url)
        jobs = [provider.backend().run(bell()) for _ in range(20)]
        server.stop()
        begun = time.monotonic()
        assert all(repr(job).endswith(" status unknown on qasm_simulator>") for job in jobs)
        assert "status unknown" in jobs[0]._repr_html_()
        assert "0 known to be up" in provider._repr_html_()
        assert time.monotonic() - begun < deadline(5)
        provider.close()

    def test_before_anything_began(self, monkeypatch, tmp_path):
        """The embedded cluster is not started for being looked at."""
        monkeypatch.delenv("BASICAER_URL", raising=False)
        monkeypatch.setenv("BASICAER_STATE_DIR", str(tmp_path))
        provider = BasicAerProvider()
        assert "embedded" in cells(provider._repr_html_())
        assert list(tmp_path.iterdir()) == []
