"""Our estimator and sampler beside those of Aer and Qiskit, in turns; `make bench-primitives` runs it.

Ours go over a private cluster's queue, from `run` to the result; the others compute in this process, on all cores.
Prints medians, and how many times as long as ours the others take; then what the queue adds to one iteration of a
VQE: its time without that of the simulation.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.primitives import EstimatorV2, SamplerV2

from benchmarks.common.machine import cores
from benchmarks.common.rounds import Contender, in_turns
from jobs import BasicAerEstimator, BasicAerProvider, BasicAerSampler, LocalCluster

#: Shots of the sampler, and how far frequencies of two samplers may lie apart: 7 deviations of their difference.
_SHOTS = 1024
_APART = 7 * (0.5 / _SHOTS) ** 0.5


@dataclass(frozen=True, slots=True)
class Case:
    """One PUB, and how many times as long as ours the others are to take."""

    name: str
    num_qubits: int
    #: Strings of the observable; 0: the PUB is sampled.
    terms: int
    points: int
    #: Beside Aer; beside Qiskit, for the estimator.
    goal: float


CASES = (
    Case("estimator", 8, 100, 200, 8),
    Case("estimator", 16, 1000, 8, 5),
    Case("sampler", 8, 0, 1000, 15),
)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="primitives", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--workers", type=int, default=cores())
    arguments.add_argument("--only", help="cases whose line has this in it, as in 'sampler' or 'n=8'")
    arguments.add_argument("--iterations", type=int, default=100, help="of the VQE")
    given = arguments.parse_args()
    print(f"{given.workers} workers; {cores()} cores; medians of {given.rounds} rounds")
    with LocalCluster(workers=given.workers) as cluster:
        provider = BasicAerProvider(cluster.url)
        for case in CASES:
            title = f"{case.name} n={case.num_qubits} terms={case.terms} points={case.points}"
            if given.only is None or given.only in title:
                _compare(title, case, provider, given.rounds)
        if given.only is None or given.only == "vqe":
            _vqe(provider, given.iterations)


def _compare(title: str, case: Case, provider: BasicAerProvider, rounds: int) -> None:
    rng = np.random.default_rng(7)
    ansatz = efficient_su2(case.num_qubits, reps=3).decompose()
    points = rng.normal(size=(case.points, ansatz.num_parameters))
    if case.terms:
        pub: Any = (ansatz, _hamiltonian(rng, case.num_qubits, case.terms), points)
        contenders = _estimators(provider, pub)
    else:
        ansatz.measure_all()
        contenders = _samplers(provider, (ansatz, points, _SHOTS))
    seconds = in_turns(contenders, check=_check(case), rounds=rounds, warm_up=True)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    ours = medians.pop("ours")
    ratios = "  ".join(f"{name} {1e3 * each:9.1f} ms ({each / ours:5.1f}x)" for name, each in medians.items())
    short = [name for name, each in medians.items() if each < case.goal * ours]
    verdict = f"short of {case.goal:g}x: {', '.join(short)}" if short else f"goal {case.goal:g}x"
    print(f"{title:<40} ours {1e3 * ours:8.1f} ms  {ratios}  {verdict}", flush=True)


def _estimators(provider: BasicAerProvider, pub: Any) -> Sequence[Contender]:
    primitives = {
        "ours": BasicAerEstimator(provider),
        "Aer": EstimatorV2(),
        "Qiskit": StatevectorEstimator(),
    }
    return [
        Contender(name, _run(each, pub), lambda result: result[0].data.evs) for name, each in primitives.items()
    ]


def _samplers(provider: BasicAerProvider, pub: Any) -> Sequence[Contender]:
    primitives = {"ours": BasicAerSampler(provider), "Aer": SamplerV2(), "Qiskit": StatevectorSampler()}
    return [Contender(name, _run(each, pub), _frequencies) for name, each in primitives.items()]


def _run(primitive: Any, pub: Any) -> Callable[[], Any]:
    return lambda: primitive.run([pub]).result()


def _frequencies(result: Any) -> NDArray[np.float64]:
    """Return how often each bit was 1 at each point."""
    bits: NDArray[np.float64] = result[0].data.meas.to_bool_array().mean(axis=-2)
    return bits


def _check(case: Case) -> Callable[[dict[str, Any]], None]:
    """Return what compares the answers of the first round."""
    apart = 1e-9 if case.terms else _APART

    def check(answers: dict[str, Any]) -> None:
        for name, answer in answers.items():
            np.testing.assert_allclose(answer, answers["ours"], rtol=0, atol=apart, err_msg=name)

    return check


def _hamiltonian(rng: np.random.Generator, num_qubits: int, terms: int) -> SparsePauliOp:
    """Return a sum of distinct random strings."""
    labels: set[str] = set()
    while len(labels) < terms:
        labels.add("".join(rng.choice(list("IXYZ"), num_qubits)))
    return SparsePauliOp(sorted(labels), rng.normal(size=terms))


def _vqe(provider: BasicAerProvider, iterations: int) -> None:
    """Print what the queue adds to an iteration: one point of one PUB, and then the next."""
    rng = np.random.default_rng(3)
    ansatz: QuantumCircuit = efficient_su2(8, reps=3).decompose()
    hamiltonian, estimator = _hamiltonian(rng, 8, 100), BasicAerEstimator(provider)
    whole, simulated = [], []
    for _ in range(iterations):
        begin = time.perf_counter()
        job = estimator.run([(ansatz, hamiltonian, rng.normal(size=ansatz.num_parameters))])
        job.result()
        whole.append(time.perf_counter() - begin)
        simulated.append(job.usage().seconds)
    added = 1e3 * statistics.median(np.subtract(whole, simulated).tolist())
    print(
        f"VQE iteration, n=8 terms=100: {1e3 * statistics.median(whole):.1f} ms, of which the simulation "
        f"{1e3 * statistics.median(simulated):.1f}; overhead {added:.1f} ms, goal 10 ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
