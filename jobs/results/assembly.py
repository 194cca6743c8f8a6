"""The outcomes of experiments -> a qiskit `Result`."""

from __future__ import annotations

import datetime
import gc
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData, MeasLevel

from jobs.manifest import Manifest
from jobs.results.saved import shown_value
from simulator.circuit.program import Program, Register
from simulator.shards.metadata import RunMetadata
from simulator.shards.result import Item, Outcome, SweepOutcome
from worker.record.values import Record

_Lists: TypeAlias = Mapping[str, list[list[Any]]]
#: What makes the lists of registers in a header.
_Registers: TypeAlias = Callable[[tuple[Register, ...], tuple[Register, ...]], _Lists]


def assemble(record: Record, manifest: Manifest, outcomes: Iterable[Item], metadata: Mapping[int, Any]) -> Result:
    """Return the Result of a job, or what there is of it: its status is then the job's state.

    ``metadata`` maps an experiment's index to its circuit's metadata where this client has it as an object;
    elsewhere the header repeats what JSON carried.
    """
    ended = record.ended or record.created
    # One list for all that have the same: a sweep of 10,000 rows would have 350,000.
    registers = lru_cache(maxsize=64)(_registers)
    with _nothing_collected():
        results = [result for outcome in outcomes for result in _experiments(outcome, metadata, registers)]
    return Result(
        backend_name=manifest.backend,
        backend_version=manifest.backend_version,
        job_id=record.id,
        success=record.state == "DONE",
        results=results,
        date=datetime.datetime.fromtimestamp(ended, datetime.timezone.utc).isoformat(),
        status=_status(record),
        time_taken=0.0 if record.ended is None or record.started is None else record.ended - record.started,
    )


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Turn the garbage collector off for this block, which keeps all that it makes: it would double the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _status(record: Record) -> str:
    if record.state == "DONE":
        return "COMPLETED"
    if record.state == "ERROR":
        return f"ERROR: {record.error_type}: {record.error_text}"
    return record.state


def _experiments(outcome: Item, metadata: Mapping[int, Any], registers: _Registers) -> Iterator[ExperimentResult]:
    if isinstance(outcome, SweepOutcome):
        seconds = outcome.time_taken / len(outcome.seeds)
        rows = zip(outcome.indices(), outcome.seeds, outcome.outlines(), _sweep_data(outcome), strict=True)
        for index, seed, outline, data in rows:
            yield _experiment(index, seed, outline, data, outcome, seconds, metadata, registers)
        return
    data, seconds = _data(outcome), outcome.time_taken
    result = _experiment(outcome.index, outcome.seed, outcome.outline, data, outcome, seconds, metadata, registers)
    if outcome.failure is not None:
        result.success = False
        result.status = f"ERROR: {outcome.failure.type}: {outcome.failure.text}"
    yield result


def _experiment(
    index: int,
    seed: int,
    outline: Program,
    data: ExperimentResultData,
    outcome: Item,
    seconds: float,
    metadata: Mapping[int, Any],
    registers: _Registers,
) -> ExperimentResult:
    header = _header(outline, registers)
    if index in metadata:
        header["metadata"] = metadata[index]
    return ExperimentResult(
        shots=outcome.shots,
        success=True,
        data=data,
        meas_level=MeasLevel.CLASSIFIED,
        status="DONE",
        header=header,
        time_taken=seconds,
        name=outline.header.name,
        seed_simulator=seed,
        # The circuit's index in the job: of a part of the result there is no other way to know.
        index=index,
        # Not of what failed.
        **({} if outcome.run is None else {"metadata": run_metadata(outcome.run)}),
    )


def run_metadata(run: RunMetadata) -> dict[str, Any]:
    """Return how a circuit was run; what only some methods say is there only of these."""
    told = msgspec.structs.asdict(run)
    for special in (told.pop("truncation"), told.pop("sharing")):
        if special is not None:
            told |= msgspec.structs.asdict(special)
    return told


def _data(outcome: Outcome) -> ExperimentResultData:
    """Return the data of an outcome: a key for what there is; beside a state, only counts that are not empty."""
    data: dict[str, Any] = {}
    alone = outcome.state is None and outcome.expectations is None and not outcome.saved
    counts, memory = outcome.keyed
    if counts or (counts is not None and alone):
        data["counts"] = counts
    if memory or (memory is not None and alone):
        data["memory"] = memory
    if outcome.state is not None:
        # One axis is a statevector, two are a unitary. Copied, since a user may write to it.
        data["unitary" if len(outcome.state.shape) > 1 else "statevector"] = outcome.state.ndarray().copy()
    if outcome.expectations is not None:
        data["expectation_values"] = outcome.expectations.ndarray().copy()
    if outcome.standard_errors is not None:
        data["expectation_value_stds"] = outcome.standard_errors.ndarray().copy()
    data |= {saved.key: shown_value(saved, saved.value.ndarray()) for saved in outcome.saved}
    return ExperimentResultData(**data)


def _sweep_data(outcome: SweepOutcome) -> Iterator[ExperimentResultData]:
    """Yield the data of each row of a sweep."""
    states = None if outcome.states is None else outcome.states.ndarray()
    saved = [(each, each.value.ndarray()) for each in outcome.saved]
    expectations = None if outcome.expectations is None else outcome.expectations.ndarray()
    alone = states is None and expectations is None and not saved
    memories = outcome.memory_of_rows()
    for row, counts in enumerate(outcome.counts_of_rows()):
        data: dict[str, Any] = {}
        if counts or alone:
            data["counts"] = counts
        if (memory := next(memories, None)) is not None and (memory or alone):
            data["memory"] = memory
        if states is not None:
            data["statevector"] = states[row].copy()
        if expectations is not None:
            data["expectation_values"] = expectations[row].copy()
        data |= {each.key: shown_value(each, values[row]) for each, values in saved}
        yield ExperimentResultData(**data)


def _header(outline: Program, registers: _Registers) -> dict[str, Any]:
    header = outline.header
    return {
        "name": header.name,
        "n_qubits": outline.num_qubits,
        **registers(header.qregs, header.cregs),
        "memory_slots": outline.num_clbits,
        "global_phase": outline.global_phase,
        "metadata": _metadata(header.metadata),
    }


def _metadata(text: str | None) -> Any:
    # Most circuits have none, and a sweep of 10,000 rows would have it read as often.
    return {} if text == "{}" else None if text is None else json.loads(text)


def _registers(qregs: tuple[Register, ...], cregs: tuple[Register, ...]) -> _Lists:
    """Return the entries of a header that describe its registers."""
    return {
        "qreg_sizes": [[register.name, len(register.bits)] for register in qregs],
        "creg_sizes": [[register.name, len(register.bits)] for register in cregs],
        "qubit_labels": [[register.name, i] for register in qregs for i in range(len(register.bits))],
        "clbit_labels": [[register.name, i] for register in cregs for i in range(len(register.bits))],
    }
