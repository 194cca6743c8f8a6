"""A merged Part -> a qiskit `Result`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData, MeasLevel

from jobs.manifest import Manifest
from simulator.program import Program, Register
from simulator.shards import Outcome, Part
from worker.record import Record


def assemble(record: Record, manifest: Manifest, part: Part, metadata: Mapping[int, Any]) -> Result:
    """Return the Result of a job, or what there is of it: its status is then the job's state.

    ``metadata`` maps an experiment's index to its circuit's metadata where this client has it as an object;
    elsewhere the header repeats what JSON carried.
    """
    ended = record.ended or record.created
    return Result(
        backend_name=manifest.backend,
        backend_version=manifest.backend_version,
        job_id=record.id,
        success=record.state == "DONE",
        results=[_experiment(outcome, metadata) for outcome in part.outcomes],
        date=datetime.datetime.fromtimestamp(ended, datetime.timezone.utc).isoformat(),
        status=_status(record),
        time_taken=0.0 if record.ended is None or record.started is None else record.ended - record.started,
    )


def _status(record: Record) -> str:
    if record.state == "DONE":
        return "COMPLETED"
    if record.state == "ERROR":
        return f"ERROR: {record.error_type}: {record.error_text}"
    return record.state


def _experiment(outcome: Outcome, metadata: Mapping[int, Any]) -> ExperimentResult:
    failure = outcome.failure
    header = _header(outcome.outline)
    if outcome.index in metadata:
        header["metadata"] = metadata[outcome.index]
    return ExperimentResult(
        shots=outcome.shots,
        success=failure is None,
        data=_data(outcome),
        meas_level=MeasLevel.CLASSIFIED,
        status=f"ERROR: {failure.type}: {failure.text}" if failure else "DONE",
        header=header,
        time_taken=outcome.time_taken,
        name=outcome.outline.header.name,
        seed_simulator=outcome.seed,
        # Its circuit's place in the job: of a part of the result there is no other way to know.
        index=outcome.index,
    )


def _data(outcome: Outcome) -> ExperimentResultData:
    """Only what there is becomes a key; beside a state, only counts that say something."""
    data: dict[str, Any] = {}
    if outcome.counts or (outcome.counts is not None and outcome.state is None):
        data["counts"] = outcome.counts
    if outcome.memory or (outcome.memory is not None and outcome.state is None):
        data["memory"] = outcome.memory
    if outcome.state is not None:
        # One axis is a statevector, two are a unitary. Copied, since a user may write to it.
        data["unitary" if len(outcome.state.shape) > 1 else "statevector"] = outcome.state.ndarray().copy()
    return ExperimentResultData(**data)


def _header(outline: Program) -> dict[str, Any]:
    header = outline.header
    return {
        "name": header.name,
        "n_qubits": outline.num_qubits,
        "qreg_sizes": _sizes(header.qregs),
        "creg_sizes": _sizes(header.cregs),
        "qubit_labels": _labels(header.qregs),
        "clbit_labels": _labels(header.cregs),
        "memory_slots": outline.num_clbits,
        "global_phase": outline.global_phase,
        "metadata": None if header.metadata is None else json.loads(header.metadata),
    }


def _sizes(registers: tuple[Register, ...]) -> list[list[Any]]:
    return [[register.name, len(register.bits)] for register in registers]


def _labels(registers: tuple[Register, ...]) -> list[list[Any]]:
    return [[register.name, i] for register in registers for i in range(len(register.bits))]
