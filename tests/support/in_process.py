"""Jobs in one process, from what `run()` checks to the sum of their parts: no broker, store or worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from jobs.submit import SubmitContext, prepare
from simulator import run_shard
from simulator.shards import wire
from simulator.shards.part import merge
from simulator.shards.result import Failure, Outcome, SweepOutcome
from worker.settings import Settings


@dataclass(frozen=True)
class Ran:
    """What became of one circuit, at one of its points."""

    counts: dict[str, int] | None
    state: NDArray[Any] | None
    failure: Failure | None = None


def context_of(output: str = "counts", *, max_qubits: int = 20, **settings: Any) -> SubmitContext:
    """A backend that takes 20 qubits, 1 GiB of results, and any number of circuits."""
    limits = {"max_result_bytes": 1 << 30} | settings
    name = "qasm_simulator" if output == "counts" else f"{output}_simulator"
    return SubmitContext(output, name, "0", max_qubits, Settings(**limits))


def outcomes(
    run_input: Any, output: str = "counts", *, max_qubits: int = 20, **options: Any
) -> tuple[Outcome | SweepOutcome, ...]:
    """Run a job, and return what its parts are together; what crosses to a worker and back crosses as bytes."""
    submission = prepare(run_input, options, context_of(output, max_qubits=max_qubits), job_id=None, store=None)
    parts = [run_shard(wire.decode_shard(shard)) for shard in submission.upload.shards]
    return merge([wire.decode_part(wire.encode(part)) for part in parts]).outcomes


def ran(run_input: Any, output: str = "counts", **options: Any) -> list[Ran]:
    """Run a job, and return what became of each circuit at each of its points."""
    found: list[Ran] = []
    for outcome in outcomes(run_input, output, **options):
        if isinstance(outcome, SweepOutcome):
            states = [None] * len(outcome.seeds) if outcome.states is None else outcome.states.ndarray()
            found += map(Ran, outcome.counts_of_rows(), states)
        else:
            state = None if outcome.state is None else outcome.state.ndarray()
            found.append(Ran(outcome.keyed[0], state, outcome.failure))
    return found
