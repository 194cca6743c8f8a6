"""Many circuits as one job, its queue included, beside Aer in this process with all cores."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import Statevector
from qiskit.result import Result
from qiskit_aer import AerSimulator

from benchmarks.common.agreement import check_counts, check_distribution
from benchmarks.common.families import ansatz
from benchmarks.common.machine import Watch, cores
from benchmarks.common.rounds import Contender, in_turns
from benchmarks.common.site import Meter, Site, family_seconds
from benchmarks.scale.rows import Row
from jobs.backend import BasicAerBackend

_WIDTH = 8
_SHOTS = 1024
_LIST, _LIST_WANTED = 1000, 10.0
_UNLIKE_WIDTHS, _UNLIKE_GATES, _UNLIKE_WANTED = range(5, 11), 75, 2.0
_SWEEP, _SWEEP_WANTED = 10_000, 15.0
#: Circuits whose counts are compared with the exact probabilities, beside every circuit's with the other side's.
_EXACT = 10
_SEED = 1
#: Seconds before each run.
_PAUSE = 0.2

Counts: TypeAlias = list[dict[str, int]]


def lists(rounds: int) -> Iterator[Row]:
    """Measure a list of bound circuits: of one template, and without one."""
    template, values = _sweep(_LIST)
    bound = [template.assign_parameters(row) for row in values]
    rng = np.random.default_rng(_SEED)
    unlike = [_unlike(rng) for _ in range(_LIST)]
    with _ours() as ours:
        for name, circuits, wanted in (
            (f"one job of {_LIST:,} bound {_WIDTH}-qubit circuits", bound, _LIST_WANTED),
            (f"one job of {_LIST:,} circuits of 5 to 10 qubits, no two alike", unlike, _UNLIKE_WANTED),
        ):
            yield _measured(
                Row(section="lists", name=f"{name} / Aer", figure=_faster, unit="x", wanted=wanted),
                rounds,
                partial(_submitted, circuits),
                ours,
                circuits.__getitem__,
            )


def sweeps(rounds: int) -> Iterator[Row]:
    """Measure a template with arrays of values."""
    template, values = _sweep(_SWEEP)
    columns = list(zip(template.parameters, values.T, strict=True))
    with _ours() as ours:
        yield _measured(
            Row(
                section="sweeps",
                name=f"a sweep of {_SWEEP:,} bindings, {_WIDTH} qubits, counts / Aer",
                figure=_faster,
                unit="x",
                wanted=_SWEEP_WANTED,
            ),
            rounds,
            lambda run: run(template, shots=_SHOTS, parameter_binds=[dict(columns)]),
            ours,
            lambda index: template.assign_parameters(values[index]),
        )


def _measured(
    row: Row,
    rounds: int,
    submit: Callable[[Callable[..., Any]], Any],
    ours: tuple[BasicAerBackend, Site],
    circuit: Callable[[int], QuantumCircuit],
) -> Row:
    """Measure what ``submit`` makes of a backend's `run`, on Aer as it is, on Aer at its best, and on ours."""
    threads = cores()
    aers = {
        "Aer": AerSimulator(max_parallel_threads=threads),
        # Circuits side by side instead of one after the other, and no look at which method to take.
        "Aer parallel": AerSimulator(
            method="statevector", max_parallel_threads=threads, max_parallel_experiments=threads
        ),
    }

    backend, site = ours
    meter = Meter(site)

    def contender(name: str, run: Callable[..., Any]) -> Contender:
        return Contender(name, lambda: submit(run).result(), _counts, _sweep_up)

    # Aer takes arrays only as lists.
    contenders = [contender(name, partial(_with_lists, aer)) for name, aer in aers.items()]
    watch = Watch(family_seconds)
    seconds = in_turns(
        [*contenders, Contender("ours", meter.around(lambda: submit(backend.run).result()), _counts, _sweep_up)],
        check=lambda answers: _check(answers, circuit),
        rounds=rounds,
        warm_up=rounds > 1,
    )
    as_it_is = statistics.median(seconds["Aer"]) / statistics.median(seconds["ours"])
    return replace(
        row,
        seconds=seconds,
        others=watch.others(),
        notes=(
            f"{cores()} worker processes; {as_it_is:.1f}x against AerSimulator() as it is",
            f"CPU ms of ours: {meter.text(1)}",
        ),
    )


@contextmanager
def _ours() -> Iterator[tuple[BasicAerBackend, Site]]:
    """Yield a backend that has a worker process for each core, and where."""
    with ExitStack() as stack:
        site = stack.enter_context(Site())
        provider = stack.enter_context(site.provider())
        site.hire(slots=cores())
        yield provider.get_backend(), site


def _sweep_up() -> None:
    """Let none pay for what the one before left: threads that spin, and 10,000 results to be looked through."""
    gc.collect()
    time.sleep(_PAUSE)


def _submitted(circuits: list[QuantumCircuit], run: Callable[..., Any]) -> Any:
    return run(circuits, shots=_SHOTS)


def _with_lists(aer: AerSimulator, circuits: Any, **options: Any) -> Any:
    binds = options.pop("parameter_binds", None)
    if binds is not None:
        options["parameter_binds"] = [
            {parameter: values.tolist() for parameter, values in each.items()} for each in binds
        ]
    return aer.run(circuits, **options)


def _faster(seconds: Mapping[str, float]) -> float:
    """Return how many times as long as ours the faster of Aer's ways takes."""
    return min(seconds["Aer"], seconds["Aer parallel"]) / seconds["ours"]


def _sweep(bindings: int) -> tuple[QuantumCircuit, NDArray[np.float64]]:
    """Return a measured template, and values of its parameters: shape (bindings, parameters)."""
    template = ansatz(_WIDTH, ParameterVector("theta", 12 * _WIDTH))
    template.measure_all()
    values = np.random.default_rng(_SEED).uniform(0, 2 * np.pi, (bindings, template.num_parameters))
    return template, values


def _unlike(rng: np.random.Generator) -> QuantumCircuit:
    """Return layers of random rotations and CX on random pairs, some 75 gates in all."""
    width = int(rng.choice(_UNLIKE_WIDTHS))
    circuit = QuantumCircuit(width)
    while len(circuit.data) < _UNLIKE_GATES:
        for qubit in range(width):
            circuit.ry(rng.uniform(0, 6), qubit)
            circuit.rz(rng.uniform(0, 6), qubit)
        for _ in range(width - 1):
            circuit.cx(*rng.choice(width, 2, replace=False).tolist())
    circuit.measure_all()
    return circuit


def _counts(result: Result) -> Counts:
    if not result.success:
        raise RuntimeError(f"no result: {result.status}")
    return [each.data.counts for each in result.results]


def _check(answers: Mapping[str, Counts], circuit: Callable[[int], QuantumCircuit]) -> None:
    """Compare each circuit's counts with the others', and those of a few with the exact probabilities."""
    (_, reference), *others = answers.items()
    for _, counts in others:
        for one, other in zip(reference, counts, strict=True):
            check_counts(one, other)
    for index in np.linspace(0, len(reference) - 1, _EXACT).astype(int).tolist():
        bare = circuit(index).remove_final_measurements(inplace=False)
        probabilities = Statevector(bare).probabilities()
        for counts in answers.values():
            check_distribution(counts[index], probabilities)
