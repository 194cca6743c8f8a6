"""Results that are exported, jobs that are deleted, and what was used."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import qiskit_aer.library  # noqa: F401 (its methods of circuits)
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from support.command_line import basicaer
from support.patience import deadline
from support.processes import eventually

from jobs import BasicAerError, BasicAerProvider, LocalCluster, load_result

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_settings")]  # slow: starts processes


@pytest.fixture(scope="module")
def url():
    with LocalCluster(workers=1) as cluster:
        yield cluster.url


@pytest.fixture
def provider(url, owner):
    provider = BasicAerProvider(url)
    yield provider
    provider.close()


@pytest.fixture
def owner(request, monkeypatch, no_settings):
    """Make the jobs of a test another owner's than those of the others."""
    monkeypatch.setenv("BASICAER_OWNER", request.node.originalname)
    return request.node.originalname


def bell():
    circuit = QuantumCircuit(2, name="bell", metadata={"chip": "A"})
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def measured():
    circuit = bell()
    circuit.measure_all()
    return circuit


@pytest.mark.rule(26)
@pytest.mark.parametrize("suffix", ["json", "npz"])
@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("qasm_simulator", {"memory": True, "seed_simulator": 3}),
        ("statevector_simulator", {}),
        ("statevector_simulator", {"precision": "single"}),
        ("unitary_simulator", {}),
    ],
)
def test_a_result_comes_back_from_its_file(provider, url, tmp_path, suffix, backend, options):
    """Counts, memory, states, header and metadata are equal, bit for bit; the command shows them as the job's."""
    circuit = measured() if backend == "qasm_simulator" else bell()
    job = provider.get_backend(backend).run([circuit, circuit], **options)
    result, file = job.result(timeout=deadline(30)), tmp_path / f"bell.{suffix}"
    assert basicaer("export", job.job_id(), str(file), url=url).exit_code == 0
    found = load_result(file)
    for index in range(2):
        one, other = (each.results[index].to_dict() for each in (result, found))
        for name in ("statevector", "unitary"):
            states = [each["data"].pop(name, np.empty(0)) for each in (one, other)]
            assert (states[0].dtype, states[0].tobytes()) == (states[1].dtype, states[1].tobytes())
        assert one == other
    assert found.get_counts(0) == result.get_counts(0) if backend == "qasm_simulator" else True
    told = [json.loads(basicaer("result", each, "--json", url=url).stdout) for each in (job.job_id(), str(file))]
    assert told[0] == told[1]
    again = basicaer("export", job.job_id(), str(file), url=url)
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)
    assert basicaer("export", job.job_id(), str(file), "--force", url=url).exit_code == 0


@pytest.mark.rule(40)
@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_what_was_saved_comes_back_from_its_file(provider, url, tmp_path, suffix):
    """States in their classes, distributions, arrays and numbers; the command shows them, too."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.save_density_matrix([1], label="half/0")
    circuit.save_probabilities(label="shots")
    circuit.save_expectation_value(SparsePauliOp("XX"), [0, 1])
    circuit.measure([0, 1], [0, 1])
    options = {"statevector": True, "probabilities": True, "observables": ["XX", "ZI"]}
    job = provider.get_backend().run(circuit, **options)
    data, file = job.result(timeout=deadline(30)).data(), tmp_path / f"bell.{suffix}"
    assert basicaer("export", job.job_id(), str(file), url=url).exit_code == 0
    found = load_result(file).data()
    assert [(name, type(value)) for name, value in found.items()] == [
        (name, type(value)) for name, value in data.items()
    ]
    for name, value in data.items():
        assert found[name] == value if isinstance(value, dict) else np.array_equal(found[name], value)
    (told,) = json.loads(basicaer("result", str(file), "--json", url=url).stdout)["results"]
    assert told["shots"] == 1024
    np.testing.assert_allclose(told["saved"]["half/0"], [[[0.5, 0], [0, 0]], [[0, 0], [0.5, 0]]], atol=1e-12)
    assert told["saved"]["probabilities"] == {"0x0": pytest.approx(0.5), "0x3": pytest.approx(0.5)}
    shown = basicaer("result", str(file), url=url).stdout
    assert "  expectation_values: 1, 0\n" in shown
    assert "  half/0: numbers of shape (2, 2): --json prints all of them\n" in shown


def test_arrays_of_a_file_are_numpys(provider, url, tmp_path):
    """Without this package, NumPy reads the states of an .npz file, and no object is unpickled."""
    job = provider.get_backend("statevector_simulator").run(bell())
    job.result(timeout=deadline(30))
    assert basicaer("export", job.job_id(), str(tmp_path / "bell.npz"), url=url).exit_code == 0
    with np.load(tmp_path / "bell.npz", allow_pickle=False) as found:
        assert np.allclose(found["statevector_0"], [2**-0.5, 0, 0, 2**-0.5])
        assert json.loads(str(found["document"]))["job"]["name"] == "bell"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{}"), ("a.json", b"\xff\xfe"), ("a.json", b'{"format": "basicaer-result", "version": 9}'),
     ("a.npz", b"PK"), ("a.npz", b""), ("a.json", b"[1]")],
)  # fmt: skip
def test_a_file_that_is_no_result_is_refused(tmp_path, name, content):
    """It is named; in Python it is a `BasicAerError`, in a shell exit code 2."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BasicAerError, match=name):
        load_result(tmp_path / name)
    done = basicaer("result", str(tmp_path / name))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_pickles_in_a_file_are_not_read(tmp_path):
    """An array of objects would run code."""
    packed = io.BytesIO()
    np.savez(packed, document=np.array([{}], dtype=object))
    (tmp_path / "a.npz").write_bytes(packed.getvalue())
    with pytest.raises(BasicAerError, match="allow_pickle"):
        load_result(tmp_path / "a.npz")


def test_what_cannot_be_exported(provider, url, tmp_path):
    """A job that has not ended is code 1, a name or a folder of no use 2; a cancelled one gives what it had."""
    wide = QuantumCircuit(20)
    for _ in range(3000):
        wide.h(range(20))
        wide.cx(0, 1)
    wide.measure_all()
    job = provider.get_backend().run(wide, shots=10)
    done = basicaer("export", job.job_id(), str(tmp_path / "a.json"), url=url)
    assert (done.exit_code, "export it when it has ended" in done.stderr) == (1, True)
    for name, reason in (("a.txt", ".json, .npz, .job"), ("no/a.json", "there is no folder")):
        done = basicaer("export", job.job_id(), str(tmp_path / name), url=url)
        assert (done.exit_code, reason in done.stderr) == (2, True)
    job.cancel()
    so_far = basicaer("partial", job.job_id(), url=url)
    assert (so_far.exit_code, so_far.stdout, "0 of 1 circuits" in so_far.stderr) == (0, "", True)
    assert basicaer("export", job.job_id(), str(tmp_path / "a.json"), url=url).exit_code == 0
    done = basicaer("result", str(tmp_path / "a.json"))
    assert (done.exit_code, "ended so: CANCELLED" in done.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.rule(14)
def test_jobs_are_deleted_by_id(provider, url, owner):
    """All that are named, or none: an unknown id, or a job that has not ended, keeps the others."""
    jobs = [provider.get_backend().run(measured()) for _ in range(3)]
    ids = [job.job_id() for job in jobs]
    for job in jobs:
        job.result(timeout=deadline(30))
    assert basicaer("delete", ids[0], "no-such-job", url=url).exit_code == 4
    assert "would be removed" in basicaer("delete", ids[0], "--dry-run", url=url).stderr
    assert jobs[0].done()
    done = basicaer("delete", ids[0][:8], ids[1], url=url)
    assert (done.exit_code, done.stderr) == (0, "2 jobs removed.\n")
    assert [job["job_id"] for job in json.loads(basicaer("jobs", "--json", url=url).stdout)] == ids[2:]
    for options in ([], [ids[2], "--older-than", "1d"], [ids[2], "--tag", "x"]):
        assert basicaer("delete", *options, url=url).exit_code == 2


@pytest.mark.rule(14)
def test_old_jobs_are_deleted(provider, url, owner):
    """Those of one's own that have ended, with all tags; what waits or runs is passed over."""
    tagged, plain = (provider.get_backend().run(measured(), job_tags=tags) for tags in (["old"], None))
    for job in (tagged, plain):
        job.result(timeout=deadline(30))
    assert basicaer("delete", "--older-than", "1d", url=url).stderr == "0 jobs removed.\n"
    dry = basicaer("delete", "--older-than", "0s", "--tag", "old", "--dry-run", url=url)
    assert (tagged.job_id() in dry.stdout, plain.job_id() in dry.stdout) == (True, False)
    assert basicaer("delete", "--older-than", "0s", "--tag", "old", url=url).stderr == "1 job removed.\n"
    assert [job.job_id() for job in provider.jobs()] == [plain.job_id()]


def test_usage_is_by_owner_and_day(provider, url, owner):
    """Jobs, failures, simulated seconds and stored bytes of each; what an owner uses, and may."""
    jobs = [provider.get_backend().run(measured(), shots=100) for _ in range(2)]
    for job in jobs:
        job.result(timeout=deadline(30))
    with provider.connection.reaching() as session:
        used = eventually(lambda: session.store.budget(owner)[0], what="what the owner uses")
    told = json.loads(basicaer("usage", "--owner", owner, "--json", url=url).stdout)
    (day,) = told["days"]
    assert (day["owner"], day["jobs"], day["failed"], day["bytes"]) == (owner, 2, 0, used)
    assert day["seconds"] == pytest.approx(sum(job.usage().seconds for job in jobs))
    assert told["owners"] == [{"owner": owner, "bytes": used, "limit": 4 << 30}]
    assert owner in {each["owner"] for each in json.loads(basicaer("usage", "--json", url=url).stdout)["owners"]}
    shown = basicaer("usage", url=url)
    assert shown.stdout.splitlines()[0].split() == ["DAY", "OWNER", "JOBS", "FAILED", "SIMULATED", "STORED"]
    assert f"{owner}: " in shown.stderr
    assert json.loads(basicaer("usage", "--since", "2100-01-01", "--json", url=url).stdout)["days"] == []
