"""Noisy circuits beside Aer: one process, the same threads, in turns; ratios of medians.

`make bench-noise` runs all; `make bench-noise ARGS='--widths 4,8 --families ghz,qv --models depolarizing'` a part.
Ours goes from Qiskit's circuit and Aer's model to counts, with what crosses to a worker and back as bytes, but
without a queue; `queue` is a job, through Redis and a worker with a process for each thread. Aer runs with its
defaults. Where Aer would take long, it runs fewer shots, and its time is scaled: such a row says so. `first` is
our first run, with the conversion of the model.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from qiskit_aer import AerSimulator

from benchmarks.common import machine
from benchmarks.common.site import Site, end_at_sigterm, family_seconds
from benchmarks.noise.cases import FAMILIES, MODELS, SHOTS, Case, cases
from jobs.backend import BasicAerBackend
from jobs.submit import SubmitContext, prepare
from simulator import run_shard
from simulator.kernels.threads import use_threads
from simulator.shards import wire
from simulator.shards.part import merge
from simulator.shards.result import Outcome
from worker.settings import Settings

#: Seconds that Aer may take for one run; with more shots its time is scaled.
_LONG = 6.0
#: Shots by which it is told how long Aer would take, where it runs them one by one.
_PROBE = 4
#: Rounds of a case, and of one that takes less than so many seconds.
_ROUNDS, _MANY_ROUNDS, _SHORT = 3, 9, 0.2
#: Seconds before each run: Aer's threads spin for a while after its runs, on the cores that ours would have.
_PAUSE = 0.25
_HEADER = (
    f"{'family':<11} {'n':>3} {'shots':>7} {'model':<13} {'Aer ms':>10} {'ours ms':>9} {'first ms':>9} "
    f"{'queue ms':>9} {'Aer/ours':>8} {'/first':>7} {'/queue':>7} {'wanted':>6}  method"
)


def main() -> None:
    """Measure and print."""
    options = _options()
    end_at_sigterm()
    machine.give_threads(options.threads)
    use_threads(options.threads)
    described = machine.description(options.threads)
    print(", ".join(f"{name} {value}" for name, value in described.items()), flush=True)
    print(_HEADER, flush=True)
    watch = machine.Watch(family_seconds)
    with ExitStack() as stack:
        site = stack.enter_context(Site())
        backend = stack.enter_context(site.provider()).get_backend("qasm_simulator")
        site.hire(slots=options.threads)
        for case in cases():
            if (
                case.width in options.widths
                and case.family in options.families
                and case.model in options.models
                and (not options.shots or case.shots in options.shots)
            ):
                print(_line(case, options.threads, backend), flush=True)
    print(f"others used the cores meanwhile: {machine.disturbance(watch.others()) or 'no'}")


def _line(case: Case, threads: int, backend: BasicAerBackend) -> str:
    """Return what was measured of a case, as a line."""
    circuit, model = case.circuit(), case.noise()
    aer = AerSimulator(noise_model=model, max_parallel_threads=threads)
    context = SubmitContext("counts", "qasm_simulator", "0", 30, Settings(max_result_bytes=1 << 30))
    methods: set[str] = set()

    def ours() -> None:
        submission = prepare(
            circuit,
            {"shots": case.shots, "noise_model": model, "seed_simulator": 1},
            context,
            job_id=None,
            store=None,
        )
        parts = [run_shard(wire.decode_shard(shard)) for shard in submission.upload.shards]
        (outcome,) = merge([wire.decode_part(wire.encode(part)) for part in parts]).outcomes
        if isinstance(outcome, Outcome) and outcome.failure is not None:
            raise RuntimeError(outcome.failure.text)
        if outcome.run is not None:
            methods.add(outcome.run.method)

    def queued() -> None:
        backend.run(circuit, shots=case.shots, noise_model=model, seed_simulator=1).result().get_counts()

    def theirs(shots: int) -> Callable[[], Any]:
        return lambda: aer.run(circuit, shots=shots).result().get_counts()

    first = _seconds(ours)
    queued()
    shots = case.shots
    probe = _seconds(theirs(_PROBE))
    if probe / _PROBE * case.shots > _LONG and case.shots <= 1 << case.width:
        # Then Aer runs shots one by one.
        shots = max(_PROBE, int(_LONG / _ROUNDS / probe * _PROBE))
    rounds = 1 if probe / _PROBE * shots > 1 else _ROUNDS if first > _SHORT else _MANY_ROUNDS
    seconds: dict[str, list[float]] = {"aer": [], "ours": [], "queue": []}
    for _ in range(rounds):
        seconds["aer"].append(_seconds(theirs(shots)) * case.shots / shots)
        seconds["ours"].append(_seconds(ours))
        seconds["queue"].append(_seconds(queued))
    aer_seconds, own, queue = (statistics.median(seconds[name]) for name in ("aer", "ours", "queue"))
    scaled = f" (Aer scaled from {shots} shots)" if shots < case.shots else ""
    short = " SHORT" if aer_seconds / own < case.wanted else ""
    notes = f"{'/'.join(sorted(methods))}{short}{scaled}"
    return (
        f"{case.family:<11} {case.width:>3} {case.shots:>7} {case.model:<13} {aer_seconds * 1e3:>10.1f} "
        f"{own * 1e3:>9.1f} {first * 1e3:>9.1f} {queue * 1e3:>9.1f} {aer_seconds / own:>8.2f} "
        f"{aer_seconds / first:>7.2f} {aer_seconds / queue:>7.2f} {case.wanted:>6}  {notes}"
    )


def _seconds(run: Callable[[], Any]) -> float:
    time.sleep(_PAUSE)
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.noise", description=__doc__)

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(",")]

    def words(text: str) -> list[str]:
        return text.split(",")

    parser.add_argument("--widths", type=numbers, default=list(SHOTS), help="as in 4,8")
    parser.add_argument("--shots", type=numbers, default=[], help="as in 1000")
    parser.add_argument("--families", type=words, default=list(FAMILIES), help=", ".join(FAMILIES))
    parser.add_argument("--models", type=words, default=list(MODELS), help=", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=machine.cores())
    return parser.parse_args()


if __name__ == "__main__":
    main()
