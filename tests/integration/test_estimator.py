"""`BasicAerEstimator` over a real Redis and real workers, beside Qiskit's `StatevectorEstimator`."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.primitives import BaseEstimatorV2, BasePrimitiveJob, StatevectorEstimator
from qiskit.providers import JobError, JobStatus, JobV1
from qiskit.quantum_info import SparsePauliOp
from support.circuits import dividing_by_zero, endless
from support.command_line import basicaer
from support.processes import elsewhere, eventually
from support.pubs import SHAPES, ansatz, observables, pairs_of_one_form, values

from jobs import BasicAerError, BasicAerEstimator, BasicAerPrimitiveJob, BasicAerProvider, JobCancelledError
from jobs.follow.recorded import RecordedJob
from jobs.follow.summary import JobSummary

pytestmark = pytest.mark.rule(39)


def equal(found, expected, within=1e-12):
    """Two results have the same PUBs: shapes, values, deviations and metadata."""
    for mine, theirs in pairs_of_one_form(found, expected):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=within)


def random_pubs(seed):
    rng = np.random.default_rng(seed)
    pubs = []
    for shape, more in SHAPES:
        num_qubits = int(rng.integers(1, 5))
        circuit = ansatz(rng, num_qubits, metadata={"number": len(pubs)} if rng.integers(2) else None)
        pubs.append((circuit, observables(rng, num_qubits, more), values(rng, circuit, shape)))
    pubs.append((QuantumCircuit(2, global_phase=1.0), ["ZI", "XX"], np.zeros((2, 0)), 0.5))
    pubs.append((QuantumCircuit(1), {"Z": 2.0}))
    return pubs


@pytest.mark.parametrize("seed", range(3))
def test_exact(provider, seed):
    """Without a precision all values are exact, of whatever PUBs; there is no noise and no deviation."""
    pubs = random_pubs(seed)
    job = BasicAerEstimator(provider).run(pubs[:-2])
    equal(job.result(), StatevectorEstimator().run(pubs[:-2]).result())


@pytest.mark.rule(32)
@pytest.mark.parametrize("precision", [0.25, 1])
def test_noise(provider, precision):
    """Under one seed the noise is that of `StatevectorEstimator`, for the precision of the run or of the PUB."""
    pubs = random_pubs(7)
    expected = StatevectorEstimator(seed=11, default_precision=precision).run(pubs).result()
    ours = BasicAerEstimator(provider, seed=11, default_precision=precision)
    equal(ours.run(pubs).result(), expected)
    equal(ours.run(pubs, precision=2.0).result(), StatevectorEstimator(seed=11).run(pubs, precision=2.0).result())
    assert (ours.default_precision, ours.seed) == (precision, 11)


def test_a_generator(provider):
    """A generator goes on from PUB to PUB, and from run to run, as that of `StatevectorEstimator` does."""
    pubs = random_pubs(8)
    one, two = (np.random.default_rng(5) for _ in range(2))
    ours, theirs = BasicAerEstimator(provider, seed=one), StatevectorEstimator(seed=two)
    for _ in range(2):
        equal(ours.run(pubs, precision=0.1).result(), theirs.run(pubs, precision=0.1).result())


@pytest.mark.rule(33)
def test_without_a_seed(provider):
    """Each run, and each PUB, has noise of its own, which a later look at the job repeats."""
    job = BasicAerEstimator(provider).run([(QuantumCircuit(1), ["Z"] * 50)] * 2, precision=1.0)
    first, second = (pub.data.evs for pub in job.result())
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.6
    again = provider.job(job.job_id()).result()
    equal(again, job.result())
    other = BasicAerEstimator(provider).run([(QuantumCircuit(1), ["Z"] * 50)], precision=1.0).result()
    assert not np.array_equal(other[0].data.evs, first)


def test_what_qiskit_cannot(provider):
    """Projectors, circuits that measure at the end or on their way, and idle qubits of a wide device."""
    rng = np.random.default_rng(3)
    circuit = ansatz(rng, 3).assign_parameters(rng.normal(size=5))
    expected = StatevectorEstimator().run([(circuit, SparsePauliOp(["IIZ", "III"], [0.5, 0.5]))]).result()
    measured = circuit.copy()
    measured.measure_all()
    wide = QuantumCircuit(60)
    wide.compose(circuit, [7, 8, 59], inplace=True)
    coin = QuantumCircuit(1, 1)
    coin.h(0)
    coin.measure(0, 0)
    with coin.if_test((0, 1)):
        coin.x(0)
    flips = QuantumCircuit(1, 1)
    flips.h(0)
    flips.measure(0, 0)
    flips.h(0)
    pubs = [
        (circuit, "II0"),
        (measured, "II0"),
        (wide, "I" * 52 + "0" + "I" * 7),
        (coin, "Z"),
        (flips, ["X", "Z"]),
    ]
    job = BasicAerEstimator(provider, seed=4, options={"shots": 400}).run(pubs)
    for pub in job.result()[:3]:
        assert abs(pub.data.evs - expected[0].data.evs) < 1e-12
    assert job.result()[3].data.evs == 1.0
    x, z = job.result()[4].data.evs
    assert abs(z) < 1e-12
    # The mean is over the shots of `backend.run` under this seed: each is in |+> or |->, as it was measured.
    run = provider.get_backend().run(job.circuits(), shots=400, seed_simulator=4, method="statevector").result()
    ones = run.get_counts(4)["1"]
    assert 100 < ones < 300
    assert abs(x - (1 - 2 * ones / 400)) < 1e-12


def test_means_have_their_standard_errors(provider):
    """Values that are means over shots say how good they are, and have no noise but their own."""
    flips = QuantumCircuit(1, 1)
    flips.h(0)
    flips.measure(0, 0)
    flips.ry(Parameter("angle"), 0)
    pubs = [(flips, [["Z"], ["X"]], [0.0, 0.5]), (QuantumCircuit(1), ["Z", "X"])]
    estimator = BasicAerEstimator(provider, seed=4, options={"shots": 400})
    means, exact = (pub.data for pub in estimator.run(pubs).result())
    ups = (1 + means.evs[0, 0]) / 2
    error = 2 * np.sqrt(ups * (1 - ups) / 400)
    expected = [[error, error * np.cos(0.5)], [0, error * np.sin(0.5)]]
    # The points have seeds of their own.
    np.testing.assert_allclose(means.stds, expected, rtol=0, atol=0.002)
    np.testing.assert_allclose(means.stds[:, 0], [error, 0], rtol=0, atol=1e-12)
    assert exact.stds.tolist() == [0, 0]
    noisy_means, noisy = (pub.data for pub in estimator.run(pubs, precision=0.25).result())
    np.testing.assert_array_equal(noisy_means.evs, means.evs)
    np.testing.assert_array_equal(noisy_means.stds, means.stds)
    assert np.all(noisy.evs != exact.evs)
    run = provider.get_backend().run(flips.assign_parameters([0.5]), observables="Z", shots=400, seed_simulator=4)
    assert run.result().data(0)["expectation_value_stds"] == pytest.approx([expected[0][1]], abs=0.002)


def test_means_are_over_the_shots_that_a_precision_needs(provider):
    """As many as the finest asks, and the usual ones at least; exact values need none, whatever is asked."""
    coin = QuantumCircuit(1, 1)
    coin.h(0)
    coin.measure(0, 0)
    coin.h(0)
    still = QuantumCircuit(1, 1)
    still.measure(0, 0)
    points = QuantumCircuit(1)
    points.ry(Parameter("angle"), 0)

    def error(shots):
        return pytest.approx(shots**-0.5, rel=0.05)

    seeded = BasicAerEstimator(provider, seed=4)
    assert seeded.run([(coin, "X")], precision=0.1).result()[0].data.stds == error(1024)
    coarse, fine = (pub.data for pub in seeded.run([(coin, "X", None, 0.1), (coin, "X", None, 0.01)]).result())
    assert (coarse.stds, fine.stds) == (error(10_000), error(10_000))
    chosen = BasicAerEstimator(provider, seed=4, options={"shots": 400})
    assert chosen.run([(coin, "X")], precision=0.01).result()[0].data.stds == error(400)
    for precision in (1e-6, 1e-12, 5e-324):
        job = seeded.run([(still, "Z"), (points, "Z", [[0.0]] * 50)], precision=precision)
        exact, swept = job.result()
        assert exact.data.evs == pytest.approx(1, abs=1e-5)
        assert swept.data.evs == pytest.approx(np.ones(50), abs=1e-5)
        # Lists of jobs do not say shots that nothing was drawn for.
        assert JobSummary.of(RecordedJob(provider.connection, job.job_id()).read()).shots == 0


@pytest.mark.parametrize("method", ["statevector", "density_matrix", "matrix_product_state", "stabilizer"])
def test_exact_values_need_no_shots_by_any_method(provider, method):
    """However precise they shall be, alone and as points of a sweep, measured at the end or not."""
    angle = Parameter("angle")
    swept = QuantumCircuit(2)
    swept.h(0)
    swept.rz(angle, 0)
    swept.cx(0, 1)
    measured = swept.copy()
    measured.measure_all()
    estimator = BasicAerEstimator(provider, seed=4, options={"method": method})
    for circuit in (swept, measured):
        pubs = [(circuit, "ZZ", [0.0]), (circuit, "ZZ", [[0.0]] * 20)]
        for pub in estimator.run(pubs, precision=1e-9).result():
            np.testing.assert_allclose(pub.data.evs, 1, rtol=0, atol=1e-7)


def test_options(provider):
    """A circuit begins in another state, and in single precision, where the run options say so."""
    state = np.array([0.6, 0, 0, 0.8j])
    options = {"initial_statevector": state}
    flip = QuantumCircuit(2)
    flip.x(0)
    pubs = [(QuantumCircuit(2), ["ZI", "YX"]), (flip, "IZ")]
    first, second = BasicAerEstimator(provider, options=options).run(pubs).result()
    np.testing.assert_allclose(first.data.evs, [0.36 - 0.64, 0.96], rtol=0, atol=1e-12)
    np.testing.assert_allclose(second.data.evs, 0.64 - 0.36, rtol=0, atol=1e-12)
    circuit = ansatz(np.random.default_rng(2), 3)
    pub = (circuit, "XYZ", np.random.default_rng(3).normal(size=(4, circuit.num_parameters)))
    single = BasicAerEstimator(provider, options={"precision": "single"}).run([pub]).result()
    double = BasicAerEstimator(provider).run([pub]).result()
    assert 1e-12 < abs(single[0].data.evs - double[0].data.evs).max() < 1e-5


def test_one_evolution_for_all_observables(provider):
    """What travels of a PUB is one template, and one row for each values of its parameters."""
    rng = np.random.default_rng(1)
    circuit = ansatz(rng, 3)
    job = BasicAerEstimator(provider).run([(circuit, observables(rng, 3, (40, 1)), values(rng, circuit, (25,)))])
    assert job.result()[0].data.shape == (40, 25)
    assert len(job.circuits()) == 25
    with provider.connection.reaching() as session:
        record = session.store.read(job.job_id())
    assert record.total == 1


class TestTheJob:
    def test_is_of_both_kinds(self, provider):
        """It is a Qiskit primitive's job and has all that a BasicAerJob has; its id is that of the record."""
        estimator = BasicAerEstimator(provider.get_backend(), options={"job_tags": ["vqe"]})
        job = estimator.run([(QuantumCircuit(1), "Z")], priority=3)
        assert isinstance(estimator, BaseEstimatorV2)
        assert isinstance(job, BasePrimitiveJob)
        assert isinstance(job, JobV1)
        job.wait_for_final_state()
        assert job.status() is JobStatus.DONE
        assert (job.done(), job.running(), job.cancelled(), job.in_final_state()) == (True, False, False, True)
        assert job.result() is job.result(timeout=5)
        assert job.async_result.id == job.job_id()
        assert (job.tags, job.options()["priority"], job.error_message()) == (["vqe"], 3, None)
        assert job.update_tags(["qaoa"]) == ["qaoa"] == provider.job(job.job_id()).tags
        assert job.progress().fraction == 1
        assert job.usage().seconds > 0
        assert repr(job).startswith("<BasicAerPrimitiveJob")

    @pytest.mark.rule(13, 15)
    def test_is_found_again(self, provider, server):
        """Another process has the same result by id, from a list, from its backend, and from a pickle."""
        pubs = random_pubs(5)
        job = BasicAerEstimator(provider, seed=3).run(pubs, precision=0.1, job_tags=["again"])
        expected = [pub.data.evs.tolist() for pub in job.result()]
        told = "print(json.dumps([[pub.data.evs.tolist() for pub in job.result()], "
        told += "[pub.metadata for pub in job.result()], type(job).__name__]))"
        for find in (
            "job = provider.job(sys.argv[1])",
            "job = provider.jobs(job_tags=['again'])[0]",
            "job = provider.jobs(backend_name='estimator', job_tags=['again'])[0]",
            "job = provider.get_backend().retrieve_job(sys.argv[1])",
            f"job = pickle.loads(bytes.fromhex({pickle.dumps(job).hex()!r}))",
        ):
            output = elsewhere(server.url, f"import json, pickle\n{find}\n{told}", job.job_id())
            evs, metadata, kind = json.loads(output)
            assert (evs, kind) == (expected, "BasicAerPrimitiveJob")
            assert metadata == [pub.metadata for pub in job.result()]

    def test_metadata_that_is_not_json(self, provider):
        """Metadata of a circuit stays an object with who submitted it; elsewhere it is None."""
        circuit = QuantumCircuit(1, metadata={"object": {1, 2}})
        job = BasicAerEstimator(provider).run([(circuit, "Z")])
        assert job.result()[0].metadata["circuit_metadata"] == {"object": {1, 2}}
        assert provider.job(job.job_id()).result()[0].metadata["circuit_metadata"] is None

    def test_a_failed_pub(self, provider):
        """It makes `result` raise with its error; the others are in `partial_result`, which has their indices."""
        good, bad = (QuantumCircuit(1), ["Z", "X"]), (dividing_by_zero(), "Z")
        job = BasicAerEstimator(provider).run([good, bad, good])
        with pytest.raises(JobError, match="division by zero"):
            job.result()
        assert job.status() is JobStatus.ERROR
        assert "division by zero" in job.error_message()
        for found in (job.partial_result(), job.result(partial=True), provider.job(job.job_id()).partial_result()):
            assert found.metadata == {"version": 2, "pubs": [0, 2]}
            assert [pub.data.evs.tolist() for pub in found] == [[1, 0], [1, 0]]

    def test_is_cancelled(self, provider):
        """A running one is stopped, and has no result."""
        job = BasicAerEstimator(provider).run([(endless(), "Z")])
        eventually(job.running, within=15, what="RUNNING")
        assert job.cancel()
        with pytest.raises(JobCancelledError):
            job.result()
        assert len(job.partial_result()) == 0

    def test_an_id_of_ones_own(self, provider):
        """The same PUBs under one id are one job, noise included; another precision is an error."""
        estimator = BasicAerEstimator(provider)
        first, again = (estimator.run([(QuantumCircuit(1), "Z", [], 0.5)], job_id="mine-39") for _ in range(2))
        assert first == again
        equal(first.result(), again.result())
        with pytest.raises(BasicAerError, match="mine-39"):
            estimator.run([(QuantumCircuit(1), "Z", [], 0.25)], job_id="mine-39")

    def test_on_the_command_line(self, provider, server):
        """`basicaer result` shows the values."""
        job = BasicAerEstimator(provider).run([(QuantumCircuit(1), ["Z", "X"])])
        job.result()
        done = basicaer("result", job.job_id(), "--json", url=server.url)
        assert json.loads(done.output)["results"][0]["data"]["evs"] == [1.0, 0.0]
        assert "evs" in basicaer("result", job.job_id(), url=server.url).output
        assert "1 PUBs" in basicaer("partial", job.job_id(), url=server.url).output
        refused = basicaer("export", job.job_id(), "pubs.npz", url=server.url)
        assert (refused.exit_code, "with NumPy" in refused.output) == (1, True)
        assert job.job_id() in basicaer("jobs", url=server.url).output
        shown = basicaer("watch", "--once", job.job_id(), url=server.url)
        assert (shown.exit_code, "log" in shown.output, "counts so far" in shown.output) == (0, True, False)


@pytest.mark.rule(23)
def test_bad_input(quiet):
    """What cannot be estimated is refused before anything is published; the text names value, limit and cure."""
    estimator, circuit = BasicAerEstimator(quiet), QuantumCircuit(1)
    theta = Parameter("theta")
    bound = QuantumCircuit(1)
    bound.ry(theta, 0)
    evolution = PauliEvolutionGate(SparsePauliOp("Z"), time=theta)
    evolved = QuantumCircuit(1)
    evolved.append(evolution, [0])
    for pub, error, text in [
        (circuit, ValueError, r"wrap it with `\[\]`"),
        ((circuit, "ZZ"), ValueError, "number of qubits"),
        ((circuit, SparsePauliOp("Z", 1j)), ValueError, "Non-Hermitian"),
        ((circuit, 3), TypeError, "Invalid observable"),
        ((bound, "Z"), ValueError, "number of parameters"),
        ((bound, "Z", [np.nan]), BasicAerError, "theta has a value that is not finite"),
        ((bound, ["Z", "X"], [[1], [2], [3]]), ValueError, "not broadcastable"),
        ((circuit, "Z", [], -1), ValueError, "non-negative"),
        ((circuit, "Z", [], np.nan), BasicAerError, "precision of PUB 0=nan must be a finite number"),
        ((circuit, "Z", [], np.inf), BasicAerError, "precision of PUB 0=inf must be a finite number"),
        ((QuantumCircuit(40), "0" * 40), BasicAerError, "projectors are 1.1e"),
    ]:
        with pytest.raises(error, match=text):
            estimator.run([pub])
    with pytest.raises(BasicAerError, match="'shot' is no option of this primitive; did you mean shots"):
        estimator.run([(circuit, "Z")], shot=3)
    with pytest.raises(BasicAerError, match="'memory' is no option"):
        BasicAerEstimator(quiet, options={"memory": True})
    with pytest.raises(BasicAerError, match="seed=-1 must be a whole number"):
        BasicAerEstimator(quiet, seed=-1)
    for precision in (None, -1, np.nan, "a"):
        with pytest.raises(BasicAerError, match=r"default_precision=.*must be a finite number of at least 0"):
            BasicAerEstimator(quiet, default_precision=precision)
    with pytest.raises(BasicAerError, match="options=5 must be a mapping"):
        BasicAerEstimator(quiet, options=5)
    for target in (None, BasicAerProvider, quiet.get_backend("unitary_simulator"), "redis://"):
        with pytest.raises(BasicAerError, match="made from a BasicAerProvider or its backend"):
            BasicAerEstimator(target)
    assert quiet.jobs() == []
    assert isinstance(estimator.run([]), BasicAerPrimitiveJob)
