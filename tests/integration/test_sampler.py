"""`BasicAerSampler` over a real Redis and real workers, beside Qiskit's `StatevectorSampler`."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Parameter, QuantumRegister
from qiskit.primitives import BasePrimitiveJob, BaseSamplerV2, BitArray, StatevectorSampler
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import JobError
from support.circuits import dividing_by_zero, two_registers
from support.command_line import basicaer
from support.processes import elsewhere
from support.pubs import SHAPES, ansatz, measured, pairs_of_one_form, values

from jobs import BasicAerError, BasicAerEstimator, BasicAerPrimitiveJob, BasicAerSampler

pytestmark = pytest.mark.rule(39)


def alike(found, expected):
    """Two results have the same form: PUBs, shapes, registers, bits, shots and metadata."""
    for mine, theirs in pairs_of_one_form(found, expected):
        assert type(mine) is BitArray
        assert (mine.shape, mine.num_bits, mine.num_shots) == (theirs.shape, theirs.num_bits, theirs.num_shots)
        assert (mine.array.shape, mine.array.dtype) == (theirs.array.shape, theirs.array.dtype)


def random_pubs(seed):
    rng = np.random.default_rng(seed)
    pubs = []
    for shape, _ in SHAPES:
        metadata = {"number": len(pubs)} if rng.integers(2) else None
        circuit = measured(rng, ansatz(rng, int(rng.integers(1, 5)), metadata))
        pubs.append((circuit, values(rng, circuit, shape), int(rng.choice([40, 40, 40, 7]))))
    return pubs


def bound(pubs):
    """The circuits of all points, and how many shots each has."""
    coerced = [SamplerPub.coerce(pub, 40) for pub in pubs]
    return [(each, pub.shots) for pub in coerced for each in pub.parameter_values.bind_all(pub.circuit).flat]


def joined(result):
    """The counts of each point of all PUBs, as of one register, and of each shot in order."""
    for pub in result:
        bits = BitArray.concatenate_bits(list(pub.data.values())) if len(pub.data) else None
        for point in np.ndindex(pub.data.shape):
            yield bits.get_bitstrings(point)


@pytest.mark.rule(32)
@pytest.mark.parametrize("seed", range(3))
def test_random_pubs(provider, seed):
    """The form is that of `StatevectorSampler`; each point has the memory of `backend.run` under the seed."""
    pubs = random_pubs(seed)
    job = BasicAerSampler(provider, seed=seed + 5).run(pubs)
    result = job.result()
    alike(result, StatevectorSampler().run(pubs).result())
    points = bound(pubs)
    circuits = [circuit for circuit, _ in points]
    assert job.options()["seed_simulator"] == seed + 5
    run = provider.get_backend().run
    expected = {
        shots: run(circuits, shots=shots, memory=True, seed_simulator=seed + 5).result() for shots in (7, 40)
    }
    for index, (bits, (_, shots)) in enumerate(zip(joined(result), points, strict=True)):
        assert bits == [key.replace(" ", "") for key in expected[shots].get_memory(index)]


def test_without_chance(provider):
    """Where there is no chance, all bytes are those of `StatevectorSampler`; also of bits that nothing writes."""
    rng = np.random.default_rng(2)
    pubs = [two_registers()]
    for size in (1, 7, 8, 9, 16):
        qubits, out, more = QuantumRegister(size), ClassicalRegister(size, "out"), ClassicalRegister(size, "more")
        circuit = QuantumCircuit(qubits, more, out)
        circuit.x([qubit for qubit in range(size) if rng.integers(2)])
        circuit.measure(qubits, rng.permutation(out[:]).tolist())
        circuit.measure(0, more[size - 1])
        pubs.append((circuit, np.zeros((2, 0)), 3))
    overlapping = QuantumCircuit(QuantumRegister(3), one := ClassicalRegister(3, "one"))
    overlapping.add_register(ClassicalRegister(name="two", bits=[one[2], one[0]]))
    overlapping.x(2)
    overlapping.measure([0, 1, 2], one)
    pubs.append(overlapping)
    found, expected = BasicAerSampler(provider).run(pubs).result(), StatevectorSampler().run(pubs).result()
    alike(found, expected)
    for one, two in zip(found, expected, strict=True):
        for name in two.data:
            np.testing.assert_array_equal(one.data[name].array, two.data[name].array)


def test_what_qiskit_cannot(provider):
    """Dynamic circuits, 100 clbits, and 10 of a device's 120 qubits."""
    dynamic = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "c"), ClassicalRegister(1, "d"))
    dynamic.h(0)
    dynamic.measure(0, 0)
    with dynamic.if_test((0, 1)):
        dynamic.x(1)
    dynamic.measure(1, 1)
    wide = QuantumCircuit(120, 100)
    for qubit in range(10):
        wide.x(11 * qubit)
        wide.measure(11 * qubit, 99 - 10 * qubit)
    theta = Parameter("theta")
    rotated = QuantumCircuit(1, 1)
    rotated.measure(0, 0)
    rotated.rx(theta, 0)
    rotated.measure(0, 0)
    pubs = [(dynamic, None, 500), (wide, None, 3), (rotated, [[0], [np.pi]], 5)]
    first, second, third = BasicAerSampler(provider, seed=3).run(pubs).result()
    np.testing.assert_array_equal(first.data.c.array, first.data.d.array)
    assert 150 < first.data.c.bitcount().sum() < 350
    ones = "".join("1" if place in range(9, 100, 10) else "0" for place in reversed(range(100)))
    assert second.data.c.get_bitstrings() == [ones] * 3
    assert [third.data.c.get_counts(point) for point in range(2)] == [{"0": 5}, {"1": 5}]


def test_many_shards(provider):
    """Points that several workers sampled are in order."""
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rx(theta, 0)
    circuit.measure_all()
    angles = np.pi * np.random.default_rng(1).integers(0, 2, 20_000)
    job = BasicAerSampler(provider, options={"max_shards": 7}).run([(circuit, angles[:, None])], shots=500)
    bits = job.result()[0].data.meas
    np.testing.assert_array_equal(bits.bitcount(), (angles > 0)[:, None] * np.ones((1, 500)))
    assert job.progress().total > 1


class TestTheJob:
    @pytest.mark.rule(13)
    def test_is_found_again(self, provider, server):
        """Another process has the same result by id."""
        job = BasicAerSampler(provider).run(random_pubs(4))
        assert isinstance(job, BasePrimitiveJob)
        expected = [[data.array.tolist() for data in pub.data.values()] for pub in job.result()]
        code = "import json\nresult = provider.job(sys.argv[1]).result()\n"
        code += "print(json.dumps([[[data.array.tolist() for data in pub.data.values()] for pub in result], "
        code += "[[list(pub.data), pub.data.shape, pub.metadata] for pub in result]]))"
        arrays, forms = json.loads(elsewhere(server.url, code, job.job_id()))
        assert arrays == expected
        assert forms == [[list(pub.data), list(pub.data.shape), pub.metadata] for pub in job.result()]
        assert provider.jobs(backend_name="sampler", limit=1) == [job]

    def test_a_failed_pub(self, provider):
        """It makes `result` raise with its error; the others are in `partial_result`, which has their indices."""
        job = BasicAerSampler(provider).run([(dividing_by_zero(), None, 5), two_registers()])
        with pytest.raises(JobError, match="division by zero"):
            job.result()
        found = job.partial_result()
        assert found.metadata == {"version": 2, "pubs": [1]}
        assert found[0].data.high.get_counts() == {"01": 1024}

    def test_on_the_command_line(self, provider, server):
        """`basicaer result` shows the counts of each register."""
        job = BasicAerSampler(provider).run([two_registers()], shots=9)
        job.result()
        told = json.loads(basicaer("result", job.job_id(), "--json", url=server.url).output)
        assert told["results"][0]["data"] == {"low": [{"10": 9}], "high": [{"01": 9}]}
        assert "high" in basicaer("result", job.job_id(), url=server.url).output
        shown = basicaer("watch", "--once", job.job_id(), url=server.url)
        assert (shown.exit_code, "counts so far" in shown.output) == (0, True)

    def test_a_picture(self, provider, server, tmp_path):
        """`basicaer result --plot` draws each register of each point; of an estimator it says what it takes."""
        pytest.importorskip("matplotlib")
        job = BasicAerSampler(provider).run([two_registers()], shots=9)
        done = basicaer("result", job.job_id(), "--plot", str(tmp_path / "counts.svg"), url=server.url)
        assert (done.exit_code, (tmp_path / "counts.svg").stat().st_size > 0) == (0, True)
        estimated = BasicAerEstimator(provider).run([(QuantumCircuit(1), "Z")])
        refused = basicaer("result", estimated.job_id(), "--plot", str(tmp_path / "evs.svg"), url=server.url)
        assert (refused.exit_code, "it takes counts, or statevectors" in refused.output) == (2, True)


@pytest.mark.rule(33)
def test_seeds(provider):
    """No seed: every run differs. A generator gives each run another; a number, the same."""
    circuit = QuantumCircuit(20)
    circuit.h(range(20))
    circuit.measure_all()

    def sample(sampler):
        return sampler.run([circuit, circuit]).result()

    first, second = sample(BasicAerSampler(provider))
    assert first.data.meas != second.data.meas
    assert sample(BasicAerSampler(provider))[0].data.meas != first.data.meas
    one, two = (BasicAerSampler(provider, seed=np.random.default_rng(1)) for _ in range(2))
    drawn = [sample(one), sample(one)]
    assert drawn[0][0].data.meas != drawn[1][0].data.meas
    assert [each[0].data.meas for each in (sample(two), sample(two))] == [each[0].data.meas for each in drawn]
    fixed = BasicAerSampler(provider, seed=8, default_shots=10)
    assert sample(fixed)[1].data.meas == sample(fixed)[1].data.meas
    assert (fixed.seed, fixed.default_shots, sample(fixed)[0].metadata["shots"]) == (8, 10, 10)


@pytest.mark.rule(23)
def test_bad_input(quiet):
    """What cannot be sampled is refused before anything is published; circuits without registers warn."""
    sampler = BasicAerSampler(quiet)
    assert isinstance(sampler, BaseSamplerV2)
    named = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, "shape"))
    for pub, shots, error, text in [
        (two_registers(), 0, ValueError, "positive"),
        ((two_registers(), [[1.0]]), 5, ValueError, "inconsistent"),
        (named, 5, BasicAerError, "registers' names.*rename them"),
        (("h q",), 5, TypeError, "circuit must be QuantumCircuit"),
    ]:
        with pytest.raises(error, match=text):
            sampler.run([pub], shots=shots)
    for default in (None, 0, 1.5, True, "a"):
        with pytest.raises(BasicAerError, match=r"default_shots=.*must be a whole number of at least 1"):
            BasicAerSampler(quiet, default_shots=default)
    with pytest.raises(BasicAerError, match="'shots' is no option of this primitive; give default_shots"):
        BasicAerSampler(quiet, options={"shots": 5})
    with pytest.raises(BasicAerError, match="'seed_simulator' is no option of this primitive; give seed="):
        sampler.run([two_registers()], seed_simulator=3)
    assert quiet.jobs() == []
    with pytest.warns(UserWarning, match="no output classical registers"):
        job = sampler.run([QuantumCircuit(1)])
    assert isinstance(job, BasicAerPrimitiveJob)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.run([])


def test_numbers_of_numpy(provider):
    """Shots may be NumPy's, wherever they are given."""
    circuit = two_registers()
    jobs = (
        BasicAerSampler(provider).run([circuit], shots=np.int64(5)),
        BasicAerSampler(provider).run([(circuit, None, np.int32(5))]),
        BasicAerSampler(provider, default_shots=np.int64(5)).run([circuit]),
    )
    assert [job.result()[0].metadata["shots"] for job in jobs] == [5, 5, 5]


def test_no_registers(provider):
    """A circuit without registers has an empty result, as with `StatevectorSampler`."""
    with pytest.warns(UserWarning, match="no output classical registers"):
        found = BasicAerSampler(provider).run([QuantumCircuit(1)]).result()
    with pytest.warns(UserWarning, match="no output classical registers"):
        expected = StatevectorSampler().run([QuantumCircuit(1)]).result()
    alike(found, expected)
