"""The main job, shown and checked: five OpenQASM files, run on two workers, against the known answers.

The expected distributions are formulas of each problem, and for the variational ansatz what
`qiskit.quantum_info` computes: none comes from this package's own simulator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from qiskit.providers import JobStatus
from qiskit.quantum_info import Statevector

from jobs.cli.exits import ExitCode
from jobs.cli.goodness import Verdict, compare
from jobs.cli.output.report import print_counts
from jobs.cli.output.tables import live_table
from jobs.cli.output.terminal import STYLES, say, spinner, stdout
from jobs.cli.qasm import read_program
from jobs.cluster import LocalCluster
from jobs.job import BasicAerJob
from jobs.provider import BasicAerProvider
from jobs.rebuilding import rebuild
from simulator.circuit.program import Program

SHOTS = 4096
SEED = 2026
#: Seconds after which the demo gives up; it takes a few.
_PATIENCE = 300
#: Seconds between two looks at the jobs.
_LOOK = 0.1
#: States that are shown of each circuit.
_ROWS = 8
#: The timestamps that a job's duration lies between.
_RAN = {"running", "finished"}
_WORKERS = 2
#: In a wheel the examples lie inside this package; in a clone, and an editable install, beside it.
_FOLDERS = (Path(__file__).parents[1] / "examples", Path(__file__).parents[2] / "examples")

Distribution = Mapping[str, float]


@dataclass(frozen=True)
class Example:
    """A file in `examples/` and its answer."""

    name: str
    title: str
    expected: Callable[[Program], Distribution]


def _sums(_: Program) -> Distribution:
    return {f"{addend + 201:010b} {addend:09b}": 1 / 4 for addend in (310, 311, 318, 319)}


def _wave(_: Program) -> Distribution:
    frequency, size = 1234.3, 4096
    away = {k: math.pi * (k - frequency) for k in range(size)}
    return {f"{k:012b}": (math.sin(x) / (size * math.sin(x / size))) ** 2 for k, x in away.items()}


def _marked(_: Program) -> Distribution:
    marked, size, rounds = 90, 128, 8
    hit = math.sin((2 * rounds + 1) * math.asin(size**-0.5)) ** 2
    return {f"{n:07b}": hit if n == marked else (1 - hit) / (size - 1) for n in range(size)}


def _teleported(_: Program) -> Distribution:
    theta, phi, axis = math.pi / 3, math.pi / 4, math.pi / 4
    cosine = math.sin(theta) * math.cos(phi) * math.sin(axis) + math.cos(theta) * math.cos(axis)
    return {f"{bob} {message:02b}": (1 + (-1) ** bob * cosine) / 8 for bob in (0, 1) for message in range(4)}


def _exact(program: Program) -> Distribution:
    unmeasured = rebuild(program).remove_final_measurements(inplace=False)
    return {str(state): float(p) for state, p in Statevector(unmeasured).probabilities_dict().items()}


EXAMPLES = (
    Example("adder", "four sums at once: 310, 311, 318 and 319, each + 201", _sums),
    Example("qft", "the frequency of a wave, 1234.3, in whole numbers", _wave),
    Example("grover", "the marked number, 90, among 128 in 8 looks", _marked),
    Example("teleportation", "a qubit sent by two bits: bob is 0 with probability 0.8933", _teleported),
    Example("vqe", "the ground state of a critical Ising chain, 12 spins", _exact),
)


def run_demo(url: str | None) -> ExitCode:
    """Run all examples at once and check them; on two workers of their own unless a URL is given."""
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    programs = {example.name: read_program(folder / f"{example.name}.qasm") for example in EXAMPLES}
    with _provider(url) as provider:
        backend = provider.get_backend("qasm_simulator")
        jobs = {name: backend.run(program, shots=SHOTS, seed_simulator=SEED) for name, program in programs.items()}
        say(f"{len(jobs)} OpenQASM files from {folder}, {SHOTS} shots each:")
        _watch(jobs, programs)
        right = [_check(example, programs[example.name], jobs[example.name]) for example in EXAMPLES]
    if url is None:
        say("The workers and their Redis have ended.")
    wrong = right.count(False)
    stdout().print(
        f"{wrong} of {len(right)} answers are wrong." if wrong else f"All {len(right)} answers are right.",
        style="bold red" if wrong else "bold green",
    )
    return ExitCode.JOB_FAILED if wrong else ExitCode.OK


@contextmanager
def _provider(url: str | None) -> Iterator[BasicAerProvider]:
    with ExitStack() as stack:
        if url is None:
            with spinner(f"starting Redis and {_WORKERS} workers"):
                cluster = stack.enter_context(LocalCluster(workers=_WORKERS))
            url = cluster.url
        provider = BasicAerProvider(url)
        stack.callback(provider.close)
        yield provider


def _watch(jobs: Mapping[str, BasicAerJob], programs: Mapping[str, Program]) -> None:
    """Show the jobs' states until all are final; raises `JobTimeoutError`."""

    def rows() -> list[list[str]]:
        return [
            [name, str(programs[name].num_qubits), job.status().name, _duration(job), job.job_id()]
            for name, job in jobs.items()
        ]

    with live_table(["CIRCUIT", "QUBITS", "STATUS", "SECONDS", "JOB"]) as show:
        for job in jobs.values():
            job.wait_for_final_state(timeout=_PATIENCE, wait=_LOOK, callback=lambda *_: show(rows()))
        show(rows())


def _duration(job: BasicAerJob) -> str:
    times = job.timestamps()
    return f"{(times['finished'] - times['running']).total_seconds():.2f}" if times.keys() >= _RAN else ""


def _check(example: Example, program: Program, job: BasicAerJob) -> bool:
    """Show a job's counts, and whether they fit."""
    console = stdout()
    console.print(f"\n{example.name}: {example.title}", style="bold")
    if job.status() is not JobStatus.DONE:
        verdict = Verdict(fits=False, reason=job.error_message() or job.status().name)
    else:
        counts = job.result().get_counts()
        print_counts(console, counts, rows=_ROWS)
        verdict = compare(counts, example.expected(program))
    word = "right" if verdict.fits else "wrong"
    console.print(f"  {word}: {verdict.reason}", style=STYLES[word])
    return verdict.fits
