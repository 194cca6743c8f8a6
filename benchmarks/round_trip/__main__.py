"""A Bell circuit from submit to counts, beside a bare Celery no-op task, in turns on the same Redis.

Prints medians and the ratio; `make bench` runs it. The peer is Celery with its defaults, one worker process, its
own queue; ours is a private cluster of one worker. Both clients are warm. Then the time from `cancel()` to a free
slot: from the end of a job that would never end by itself to the beginning of the next, by the clock of Redis.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr

from benchmarks.common.families import bell
from benchmarks.common.site import NOOP
from jobs import BasicAerProvider, LocalCluster


def endless() -> QuantumCircuit:
    """Return a circuit that ends only if it is stopped."""
    circuit = QuantumCircuit(2, 2)
    with circuit.while_loop(expr.lift(True)):
        circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    return circuit


def from_cancel_to_free(provider: BasicAerProvider) -> float:
    """Return how many milliseconds the only slot takes from a job's cancel to the next job."""
    backend = provider.get_backend()
    held, following = backend.run(endless()), backend.run(bell())
    while not held.running():
        time.sleep(0.01)
    held.cancel()
    following.result(timeout=60)
    return 1e3 * (following.timestamps()["running"] - held.timestamps()["finished"]).total_seconds()


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="round_trip", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=300)
    arguments.add_argument("--cancels", type=int, default=20)
    given = arguments.parse_args()
    rounds = given.rounds
    with LocalCluster(workers=1) as cluster:
        os.environ["BASICAER_URL"] = cluster.url
        peer = subprocess.Popen([sys.executable, "-m", "celery", "-A", NOOP, "worker", "-c", "1", "-l", "ERROR"])
        try:
            from benchmarks.common.noop import noop

            provider = BasicAerProvider(cluster.url)
            backend = provider.get_backend()
            circuit = bell()
            calls = {
                "Bell": lambda: backend.run(circuit, shots=1024).result(timeout=60).get_counts(),
                "no-op": lambda: noop.delay().get(timeout=60),
            }
            for call in calls.values():
                for _ in range(20):
                    call()
            times: dict[str, list[float]] = {name: [] for name in calls}
            for _ in range(rounds):
                for name, call in calls.items():
                    times[name].append(milliseconds(call))
            freed = [from_cancel_to_free(provider) for _ in range(given.cancels)]
        finally:
            peer.terminate()
            peer.wait(30)
    medians = {name: statistics.median(values) for name, values in times.items()}
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    print(f"{machine}, {rounds} rounds in turns")
    for name, values in times.items():
        low, _, high = statistics.quantiles(values, n=4)
        print(f"{name:>6}: median {medians[name]:6.2f} ms, quartiles {low:.2f} to {high:.2f}")
    print(f" ratio: {medians['Bell'] / medians['no-op']:.2f} (Bell / no-op; at most 1.5 wanted)")
    low, median, high = statistics.quantiles(freed, n=4)
    print(
        f"cancel() to a free slot: median {median:.0f} ms, quartiles {low:.0f} to {high:.0f}, of {given.cancels}"
    )


if __name__ == "__main__":
    main()
