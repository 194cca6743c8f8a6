"""One template at many points, lists of its bound copies, streams and cuts: one job over several workers."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import PauliEvolutionGate, efficient_su2
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2, StatevectorEstimator
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from support.circuits import bell
from support.patience import deadline
from support.processes import eventually

from jobs import BasicAerError
from jobs.results.retrieval import payload
from simulator.shards.shard import Experiment, Sweep


def template(width: int = 4) -> QuantumCircuit:
    """A measured ansatz with parameters, expressions of them, and an open global phase."""
    circuit = efficient_su2(width, reps=1)
    first, second = circuit.parameters[:2]
    circuit.cp(2 * first - second / 3 + 0.1, 0, 1)
    circuit.cu(first, 0.2, second, first * second, 1, 2)
    circuit.global_phase = first / 2
    circuit.measure_all()
    return circuit


def points(circuit: QuantumCircuit, count: int, seed: int = 0) -> dict[Parameter, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {parameter: rng.uniform(-3, 3, count) for parameter in circuit.parameters}


def bound(circuit: QuantumCircuit, values: dict[Parameter, np.ndarray]) -> list[QuantumCircuit]:
    count = len(next(iter(values.values())))
    return [circuit.assign_parameters({key: value[i] for key, value in values.items()}) for i in range(count)]


def items_of(provider, job) -> list[Experiment | Sweep]:
    with provider.connection.reaching() as connection:
        record = connection.store.read(job.job_id())
        return [item for shard in payload(connection.store, record) for item in shard.items]


class TestBinds:
    @pytest.mark.rule(20)
    def test_a_template_and_a_matrix_travel(self, provider):
        """Parameter_binds runs the circuit at each point; what travels is one template and numbers."""
        circuit = template()
        values = points(circuit, 40)
        job = provider.get_backend().run(circuit, parameter_binds=[values], shots=400, seed_simulator=3)
        result = job.result(timeout=deadline(30))

        assert len(result.results) == 40
        (item,) = items_of(provider, job)
        assert isinstance(item, Sweep)
        for index, one in enumerate(bound(circuit, values)):
            state = Statevector(one.remove_final_measurements(inplace=False))
            exact = state.probabilities_dict()
            counts = result.get_counts(index)
            distance = sum(abs(counts.get(key, 0) / 400 - exact.get(key, 0)) for key in {*counts, *exact}) / 2
            assert distance < 0.2

    @pytest.mark.rule(32)
    def test_each_point_alone(self, provider):
        """A point run by itself under its reported seed has the same counts and memory, bit for bit."""
        circuit = template()
        backend = provider.get_backend()
        values = points(circuit, 9)
        job = backend.run(circuit, parameter_binds=[values], shots=300, memory=True)
        result = job.result(timeout=deadline(30))
        for index, rebuilt in enumerate(job.circuits()):
            experiment = result.results[index]
            alone = backend.run(rebuilt, shots=300, memory=True, seed_simulator=experiment.seed_simulator).result()
            assert alone.results[0].data.counts == experiment.data.counts
            assert alone.results[0].data.memory == experiment.data.memory

    @pytest.mark.rule(16)
    def test_circuits_are_those_that_were_bound(self, provider):
        """Circuits() gives each point's circuit, its global phase exact."""
        circuit = template(3)
        values = points(circuit, 3)
        job = provider.get_backend().run(circuit, parameter_binds=[values], shots=10)
        for rebuilt, one in zip(job.circuits(), bound(circuit, values), strict=True):
            rebuilt.remove_final_measurements()
            one.remove_final_measurements()
            np.testing.assert_allclose(Operator(rebuilt).data, Operator(one).data, atol=1e-12)

    def test_vectors_names_and_single_values(self, provider):
        """A ParameterVector binds as a matrix, a name as its parameter, and one value holds at every point."""
        angles, last = ParameterVector("t", 2), Parameter("last")
        circuit = QuantumCircuit(2)
        circuit.rx(angles[0], 0)
        circuit.rx(angles[1], 1)
        circuit.rx(last, 0)
        circuit.measure_all()
        run = provider.get_backend().run
        flips = np.array([[0, 0], [np.pi, 0], [0, np.pi]])
        for binds in ({angles: flips, "last": np.pi}, {angles: flips, last: [np.pi] * 3}):
            counts = run(circuit, parameter_binds=[binds]).result(timeout=deadline(20)).get_counts()
            assert counts == [{"01": 1024}, {"00": 1024}, {"11": 1024}]
        dicts = [{angles[0]: a, angles[1]: b, last: 0.0} for a, b in flips]
        counts = run([circuit, circuit], parameter_binds=dicts).result(timeout=deadline(20)).get_counts()
        assert counts == [{"00": 1024}, {"01": 1024}, {"10": 1024}] * 2

    def test_statevectors_and_unitaries(self, provider):
        """The other backends sweep too, with the exact global phase."""
        circuit = template(3)
        circuit.remove_final_measurements()
        values = points(circuit, 5)
        copies = bound(circuit, values)
        result = provider.get_backend("statevector_simulator").run(circuit, parameter_binds=[values]).result()
        for index, one in enumerate(copies):
            np.testing.assert_allclose(result.get_statevector(index), Statevector(one).data, atol=1e-12)
            assert result.results[index].header["global_phase"] == pytest.approx(float(one.global_phase))
        result = provider.get_backend("unitary_simulator").run(circuit, parameter_binds=[values]).result()
        for index, one in enumerate(copies):
            np.testing.assert_allclose(result.get_unitary(index), Operator(one).data, atol=1e-12)

    def test_where_values_decide_the_gates(self, provider):
        """Parameters in control flow, or in what is synthesised from numbers, are bound first, and run too."""
        theta = Parameter("theta")
        circuit = QuantumCircuit(2, 2)
        circuit.append(PauliEvolutionGate(SparsePauliOp(["XX", "ZI"]), time=theta), [0, 1])
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.rx(theta, 0)
        circuit.measure(0, 0)
        job = provider.get_backend().run(circuit, parameter_binds=[{theta: [0.0, np.pi]}])
        assert job.result(timeout=deadline(20)).get_counts() == [{"00": 1024}, {"01": 1024}]

    @pytest.mark.rule(23)
    @pytest.mark.parametrize(
        ("binds", "text"),
        [
            ([{"other": [1.0]}], "other"),
            ([{"theta": [1.0, np.nan]}], "theta has a value that is not finite"),
            ([{"theta": [[1.0, 2.0], [1.0]]}], "theta"),
            ([{"theta": ["x", "y"]}], "theta"),
            ([{"theta": [1.0]}, {"theta": [2.0]}], "2 dicts of lists for 1 circuits"),
            ("theta", "must be a list of dicts"),
            ([{}], "theta"),
        ],
    )
    def test_refused(self, quiet, binds, text):
        """Binds that do not fit are refused by name, and nothing is published."""
        circuit = QuantumCircuit(1, 1)
        circuit.rx(Parameter("theta"), 0)
        circuit.measure(0, 0)
        with pytest.raises(BasicAerError, match=text):
            quiet.get_backend().run(circuit, parameter_binds=binds)
        with quiet.connection.reaching() as connection:
            assert list(connection.client.scan_iter("*")) == []

    @pytest.mark.rule(23)
    @pytest.mark.parametrize(
        ("expression", "value", "text"),
        [
            (lambda theta: theta.exp(), 1000.0, r"exp\(theta\): .*infinite"),
            (lambda theta: 1 / theta, 0.0, "theta"),
            (lambda theta: 1e200 * theta, 1e200, r"\*theta is inf at point 1"),
            (lambda theta: theta.log(), -1.0, "theta"),
        ],
    )
    def test_expressions_without_a_value(self, quiet, expression, value, text):
        """Where an expression has no finite, real value at a point, the error names the expression."""
        theta = Parameter("theta")
        circuit = QuantumCircuit(1, 1)
        circuit.rx(expression(theta), 0)
        circuit.measure(0, 0)
        with pytest.raises(BasicAerError, match=text):
            quiet.get_backend().run(circuit, parameter_binds=[{theta: [1.0, value]}])


class TestLists:
    @pytest.mark.rule(32)
    def test_bound_copies_are_a_sweep(self, provider):
        """A list of bound copies is one sweep, with the counts that each has as a circuit of its own."""
        circuit = template()
        copies = bound(circuit, points(circuit, 12))
        backend = provider.get_backend()
        job = backend.run(copies, shots=200, seed_simulator=8)
        result = job.result(timeout=deadline(20))
        (item,) = items_of(provider, job)
        assert isinstance(item, Sweep)
        assert [each.header["name"] for each in result.results] == [copy.name for copy in copies]
        for index, copy in enumerate(copies):
            seed = result.results[index].seed_simulator
            alone = backend.run(copy, shots=200, seed_simulator=seed).result()
            assert alone.get_counts() == result.get_counts(copy)

    @pytest.mark.rule(32)
    def test_any_number_of_shards(self, provider):
        """Max_shards changes how a job is cut, and nothing else."""
        circuit = template(6)
        copies = [*bound(circuit, points(circuit, 900)), bell(), *bound(circuit, points(circuit, 900, 1))]
        backend = provider.get_backend()
        totals, answers = [], []
        for most in (None, 1, 2):
            job = backend.run(copies, shots=20_000, seed_simulator=5, max_shards=most)
            answers.append(job.result(timeout=deadline(60)).get_counts())
            totals.append(job.progress().total)
        assert answers[0] == answers[1] == answers[2]
        assert totals[0] > 2 > totals[1]
        assert totals[2] == 2

    @pytest.mark.rule(17, 26)
    def test_metadata_and_names(self, provider):
        """Each row keeps its circuit's name and metadata, here and elsewhere."""
        circuits = []
        for index in range(3):
            circuit = QuantumCircuit(1, 1, name=f"c{index}", metadata={"row": index})
            circuit.rx(0.1 * index, 0)
            circuit.measure(0, 0)
            circuits.append(circuit)
        job = provider.get_backend().run(circuits)
        job.result(timeout=deadline(20))
        for each in (job, provider.job(job.job_id())):
            headers = [experiment.header for experiment in each.result().results]
            found = [(header["name"], header["metadata"]) for header in headers]
            assert found == [(f"c{i}", {"row": i}) for i in range(3)]

    def test_a_stream_of_any_length(self, quiet, monkeypatch):
        """A generator is lowered, cut and uploaded as it goes: SUBMIT finds all of it."""
        monkeypatch.setattr("worker.record.blobs.BYTES_AT_ONCE", 20_000)

        def stream():
            for index in range(3000):
                circuit = QuantumCircuit(2, 2)
                circuit.rx(0.001 * index, 0)
                if index % 2:
                    circuit.h(1)
                circuit.measure([0, 1], [0, 1])
                yield circuit

        job = quiet.get_backend().run(stream(), shots=1)
        assert len(job.circuits()) == 3000
        with quiet.connection.reaching() as connection:
            assert not list(connection.client.scan_iter("*upload*"))


class TestShots:
    @pytest.mark.rule(32)
    def test_a_dynamic_circuit_over_shards(self, provider):
        """Where hardly two shots share a state, they are cut into blocks, and counts and memory stay."""
        rng = np.random.default_rng(2)
        circuit = QuantumCircuit(8, 12)
        for clbit in range(12):
            for qubit in range(8):
                circuit.ry(rng.uniform(0, 3), qubit)
            for qubit in range(7):
                circuit.cx(qubit, qubit + 1)
            circuit.measure(clbit % 8, clbit)
        circuit.reset(0)
        backend = provider.get_backend()
        options = {"shots": 3000, "memory": True, "seed_simulator": 1}
        cut, whole = backend.run(circuit, **options), backend.run(circuit, max_shards=1, **options)
        parts, one = (job.result(timeout=deadline(60)).results[0].data.to_dict() for job in (cut, whole))
        assert parts == one
        assert cut.progress().total > 1 == whole.progress().total
        assert len(cut.circuits()) == 1
        assert cut.result().results[0].shots == 3000
        eventually(lambda: cut.partial_result().results[0].shots == 3000, what="all shots")


class TestPrimitives:
    def test_sampler(self, provider):
        """BackendSamplerV2 lands on sweeps."""
        circuit = template()
        values = np.random.default_rng(1).uniform(-3, 3, (6, circuit.num_parameters))
        sampler = BackendSamplerV2(backend=provider.get_backend())
        data = sampler.run([(circuit, values)], shots=500).result()[0].data.meas
        assert data.shape == (6,)
        job = provider.jobs(limit=1)[0]
        assert any(isinstance(item, Sweep) for item in items_of(provider, job))

    def test_estimator(self, provider):
        """BackendEstimatorV2 too, and its values are right."""
        circuit = efficient_su2(3, reps=1)
        values = np.random.default_rng(1).uniform(-3, 3, (4, circuit.num_parameters))
        observable = SparsePauliOp(["ZZI", "IXX", "YIY"], [1.0, 0.5, -0.25])
        pub = (circuit.decompose(), observable, values)
        estimator = BackendEstimatorV2(backend=provider.get_backend())
        found = estimator.run([pub], precision=0.02).result()[0].data.evs
        exact = StatevectorEstimator().run([pub]).result()[0].data.evs
        np.testing.assert_allclose(found, exact, atol=0.15)
