"""The result of a recorded job, and its circuits, as they are fetched from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import JobError

from jobs.connection import Connection
from jobs.errors import JobCancelledError
from jobs.manifest import Manifest
from jobs.noise import WrittenNoise
from jobs.rebuilding import rebuild, rebuild_observable
from jobs.results.assembly import assemble
from jobs.results.retrieval import experiments, finished, outcomes, payload
from simulator.shards.result import Item
from simulator.shards.shard import Shard
from worker.record.values import Record


def check_has_result(record: Record, *, partial: bool) -> None:
    """Raise an error if a final job has no result; with ``partial``, one that failed has one."""
    if record.state == "CANCELLED":
        raise JobCancelledError(
            f"Job {record.id} was cancelled; it has no result (partial_result() returns what was done)."
        )
    if record.state == "ERROR" and not partial:
        raise JobError(
            f"Job {record.id} failed: {record.error_type}: {record.error_text} "
            "(result(partial=True) returns what there is)"
        )


@dataclass(frozen=True)
class StoredResults:
    """Reads what a job stored: circuits, options, results. Raises `JobExpiredError` where it is gone."""

    connection: Connection
    #: Circuits' metadata by index, as far as this client has the objects; of others there is JSON in the store.
    metadata: Mapping[int, Any]
    #: What makes a result of the outcomes.
    assemble: Callable[[Record, Manifest, Sequence[Item], Mapping[int, Any]], Any] = assemble

    def of_final(self, record: Record) -> Any:
        """Return the result of a job that is final."""
        manifest = Manifest.decode(record.manifest)
        with self.connection.reaching() as session:
            found = outcomes(session.store, record, manifest.num_circuits, manifest.shots_by_index())
        return self.assemble(record, manifest, found, self.metadata)

    def so_far(self, record: Record) -> Any:
        """Return the part of a job's result that is there now, in any state of the job."""
        with self.connection.reaching() as session:
            found = finished(session.store, record)
        return self.assemble(record, Manifest.decode(record.manifest), found, self.metadata)

    def shards(self, record: Record) -> Iterator[Shard]:
        """Yield the shards of a job, each with the job's options."""
        with self.connection.reaching() as session:
            yield from payload(session.store, record)

    def options(self, record: Record) -> dict[str, Any]:
        """Return the run options of a job as they were resolved."""
        manifest = Manifest.decode(record.manifest)
        options = dict(manifest.options)
        if "noise_model" in options:
            options["noise_model"] = WrittenNoise(options["noise_model"])
        for name in manifest.arrays:
            first = next(self.shards(record))
            if name == "observables":
                options[name] = [
                    rebuild_observable(each, one.program.num_qubits)
                    for one in islice(first.experiments(), 1)
                    for each in one.observables
                ]
            elif (initial_state := first.options.initial_state) is not None:
                options[name] = initial_state.ndarray()
        return options

    def circuits(self, record: Record) -> list[QuantumCircuit]:
        """Return the circuits of a job, rebuilt from their Programs."""
        circuits = [rebuild(experiment.program) for experiment in experiments(self.shards(record))]
        for index, metadata in self.metadata.items():
            circuits[index].metadata = metadata
        return circuits
