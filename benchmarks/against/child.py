"""A child process of `benchmarks.against`: runs cases with the packages of one tree.

``child.py FAMILIES``, with the tree first in PYTHONPATH and FAMILIES the file of the circuits. It uses only names
that the compared revisions all have. Each line of stdin is a JSON request, each line of stdout its answer::

    {}                               -> {"names": [...], "packages": folder}
    {"case": name, "times": number}  -> {"seconds": seconds of one run, the median of so many}

With ``"cpu": true``, of the cases that run in this process, CPU seconds of all its threads.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from qiskit.circuit import ParameterVector, QuantumCircuit

import simulator
from jobs import BasicAerProvider, LocalCluster
from jobs.lowering import lower

_WIDTHS = (5, 8, 11, 13, 16, 20)
#: Seconds that a job may take.
_PATIENCE = 120
#: Where revisions have the function that forgets plans: the newest first.
_FORGETTERS = (
    ("simulator.caches", "clear_caches"),
    ("simulator.evolve.evolution", "forget_plans"),
    ("simulator.evolution", "forget_plans"),
)
#: How revisions are asked for states.
_STATES: dict[str, Any] = {
    name: "statevector" for name in ("output", "method") if name in signature(simulator.run).parameters
}


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Case:
    """What is timed, and what comes before each run, untimed."""

    run: Callable[[], object]
    prepare: Callable[[], None] = _nothing
    #: Whether other processes do most of it, so that this one's CPU time says nothing.
    elsewhere: bool = False

    def seconds(self, times: int, *, cpu: bool) -> float:
        """Return the seconds of one run, the median of so many."""
        clock = time.process_time if cpu and not self.elsewhere else time.perf_counter
        spent = []
        for _ in range(times):
            self.prepare()
            begin = clock()
            self.run()
            spent.append(clock() - begin)
        return statistics.median(spent)


class Cases:
    """The cases by name, each made when it is first asked for; a cluster is started for those that need one."""

    def __init__(self, families: Any, stack: ExitStack) -> None:
        self._families, self._stack = families, stack
        self._forget = _forgetter()
        self._makers = dict(self._all())
        self.names = list(self._makers)
        self.get = cache(lambda name: self._makers[name]())

    def _all(self) -> Iterator[tuple[str, Callable[[], Case]]]:
        for width in _WIDTHS:
            for family, make in self._families.FAMILIES.items():
                yield f"{family} {width} kept", partial(self._state, make, width, _nothing)
                yield f"{family} {width} cold", partial(self._state, make, width, self._forget)
        for family, make in self._families.FAMILIES.items():
            yield f"{family} 16 lowering", partial(self._lowering, make, 16)
        yield "feedback, 1,000 shots", lambda: self._counts(self._families.feedback(), 1_000)
        yield "teleportation, 1,000 shots", lambda: self._counts(self._families.teleportation(), 1_000)
        yield "uniform 12, 100,000 shots", lambda: self._counts(_measured(self._families.uniform(12)), 100_000)
        yield "qv 13, 10,000 shots", lambda: self._counts(_measured(self._families.quantum_volume(13)), 10_000)
        yield "job of a Bell circuit", lambda: self._job(self._families.bell())
        yield "job of 100 circuits", lambda: self._job([_measured(self._families.vqe(6)) for _ in range(100)])
        yield "job of a sweep of 200 rows", self._sweep

    def _state(self, make: Callable[[int], QuantumCircuit], width: int, prepare: Callable[[], None]) -> Case:
        program = lower(make(width))
        return Case(lambda: simulator.run(program, seed=1, **_STATES), prepare)

    def _lowering(self, make: Callable[[int], QuantumCircuit], width: int) -> Case:
        circuit = make(width)
        return Case(lambda: lower(circuit))

    def _counts(self, circuit: QuantumCircuit, shots: int) -> Case:
        program = lower(circuit)
        # Counts are what all revisions give unless they are told otherwise.
        return Case(lambda: simulator.run(program, seed=1, shots=shots))

    @property
    def _backend(self) -> Any:
        return self._provider().get_backend("qasm_simulator")

    @cache  # noqa: B019 (one for the process)
    def _provider(self) -> BasicAerProvider:
        cluster = self._stack.enter_context(LocalCluster(workers=1))
        provider = BasicAerProvider(cluster.url)
        self._stack.callback(provider.close)
        return provider

    def _job(self, circuits: Any, **options: Any) -> Case:
        backend = self._backend
        return Case(
            lambda: backend.run(circuits, seed_simulator=1, **options).result(timeout=_PATIENCE), elsewhere=True
        )

    def _sweep(self) -> Case:
        angles = ParameterVector("angle", 12 * 8)
        circuit = _measured(self._families.ansatz(8, angles))
        binds = {angle: [0.01 * (row + index) for row in range(200)] for index, angle in enumerate(angles)}
        return self._job(circuit, parameter_binds=[binds])


def _measured(circuit: QuantumCircuit) -> QuantumCircuit:
    circuit.measure_all()
    return circuit


def _forgetter() -> Callable[[], None]:
    for module, name in _FORGETTERS:
        try:
            return getattr(import_module(module), name)  # type: ignore[no-any-return]
        except (ImportError, AttributeError):
            continue
    raise LookupError(f"none of {_FORGETTERS} is in {simulator.__file__}")


def _load(path: str) -> Any:
    """Return the module of a file, whatever lies in PYTHONPATH."""
    spec = importlib.util.spec_from_file_location("families", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Answer requests until there are no more."""
    # What libraries and workers print goes to stderr, so that answers alone are on stdout.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with ExitStack() as stack:
        cases = Cases(_load(sys.argv[1]), stack)
        for line in sys.stdin:
            request = json.loads(line)
            answer: dict[str, Any]
            if "case" in request:
                answer = {"seconds": cases.get(request["case"]).seconds(request["times"], cpu=request["cpu"])}
            else:
                answer = {"names": cases.names, "packages": str(Path(simulator.__file__).parents[1])}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
