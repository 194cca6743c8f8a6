"""Circuits and options -> a job that is ready to be sent -> SUBMIT. All is checked before anything is sent."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit

from jobs.errors import BasicAerError
from jobs.identity import content
from jobs.lowering import lower
from jobs.manifest import Manifest
from jobs.options import resolve
from jobs.parameters import bind
from simulator import cost, instructions, wire
from simulator.instructions import Array
from simulator.program import Program
from simulator.rng import experiment_seed
from simulator.shards import Experiment, Method, Options, Shard
from worker import blobs
from worker.errors import DuplicateJobError, QuotaExceededError
from worker.record import Effects, NewJob
from worker.settings import Settings
from worker.store import Store

logger = logging.getLogger(__name__)

#: Instructions that have no unitary, by the names Qiskit gives them.
_NOT_UNITARY = {
    instructions.Measure: "measure",
    instructions.Reset: "reset",
    instructions.Initialize: "initialize",
    instructions.Store: "store",
    instructions.IfElse: "if_else",
    instructions.While: "while_loop",
    instructions.For: "for_loop",
    instructions.Switch: "switch_case",
    instructions.Break: "break_loop",
    instructions.Continue: "continue_loop",
}
#: The option that holds each method's initial state.
INITIAL_STATE = {
    "qasm": "initial_statevector",
    "statevector": "initial_statevector",
    "unitary": "initial_unitary",
}


@dataclass(frozen=True)
class Limits:
    """What the backend accepts now."""

    max_qubits: int
    max_circuits: int | None
    max_result_bytes: int


@dataclass(frozen=True)
class Submission:
    """A job that is ready to be sent."""

    manifest: Manifest
    #: Encoded `Shard`s.
    shards: tuple[bytes | bytearray, ...]
    #: Of the content: the same circuits, options and seed give the same.
    digest: str
    #: An upper estimate of what the result weighs.
    result_bytes: int
    job_timeout: float | None
    expires: float | None
    #: The circuits' metadata as objects; what is not JSON stays with this client.
    metadata: tuple[Any, ...]


def prepare(
    run_input: Any,
    given: dict[str, Any],
    *,
    method: Method,
    backend: str,
    version: str,
    limits: Limits,
    job_id: str | None = None,
) -> Submission:
    """Check, lower, and cut; raises `BasicAerError` naming the circuit, the value and the limit.

    ``job_id`` is the id that the user chose, if any.
    """
    options = resolve(method, backend, given, job_id=job_id)
    circuits = bind(_circuits(run_input), options.pop("parameter_binds"))
    if limits.max_circuits is not None and len(circuits) > limits.max_circuits:
        raise BasicAerError(
            f"{len(circuits)} circuits are more than the {limits.max_circuits} that one job may have: "
            "submit several jobs, or raise BASICAER_MAX_CIRCUITS"
        )
    initial = options.pop(INITIAL_STATE[method])
    for circuit in circuits:
        _check_width(circuit, backend, limits)
        _check_initial(circuit, method, initial)
    # With an initial state, qubits that nothing has touched are not |0>.
    programs = [lower(circuit, from_zero=initial is None and method != "unitary") for circuit in circuits]
    for each in programs:
        _check_instructions(each, method, backend)
    run = Options(
        method=method,
        shots=options["shots"],
        memory=options.get("memory", False),
        chop_threshold=options["chop_threshold"],
        sample_measuring=options.get("allow_sample_measuring", True),
        initial_state=None if initial is None else Array.of(initial),
        precision=options["precision"],
    )
    result_bytes = _check_result(programs, run, limits)
    tags = options.pop("job_tags")
    seed = options.get("seed_simulator", 0)
    shards = _shards(programs, run, seed)
    return Submission(
        manifest=Manifest(
            backend=backend,
            backend_version=version,
            num_circuits=len(circuits),
            options=options,
            arrays=() if initial is None else (INITIAL_STATE[method],),
            tags=tags,
        ),
        shards=shards,
        digest=_digest(shards if job_id is None else content(programs, run, seed)),
        result_bytes=result_bytes,
        job_timeout=options["job_timeout"],
        expires=options["expires"],
        metadata=tuple(circuit.metadata for circuit in circuits),
    )


def send(submission: Submission, job_id: str, store: Store, settings: Settings) -> Effects:
    """SUBMIT a job under this id; the effects are left to carry out.

    Raises `BasicAerError` where the owner's quota does not hold it.
    """
    new = NewJob(
        id=job_id,
        owner=settings.owner,
        total=len(submission.shards),
        digest=submission.digest,
        manifest=submission.manifest.encode(),
        payload_bytes=sum(map(len, submission.shards)),
        result_bytes=submission.result_bytes,
        expires=submission.expires or settings.expires,
        job_timeout=submission.job_timeout or settings.job_timeout,
        priority=submission.manifest.options["priority"],
        backend=submission.manifest.backend,
        tags=submission.manifest.tags,
    )
    try:
        return blobs.submit(store, new, submission.shards)
    except (QuotaExceededError, DuplicateJobError) as error:
        raise BasicAerError(str(error)) from error


def _circuits(run_input: Any) -> list[QuantumCircuit]:
    circuits = [run_input] if isinstance(run_input, QuantumCircuit) else run_input
    if isinstance(circuits, (str, bytes)) or not isinstance(circuits, Iterable):
        raise BasicAerError(f"run() takes a QuantumCircuit or several, not {type(run_input).__name__}")
    circuits = list(circuits)
    for index, circuit in enumerate(circuits):
        if not isinstance(circuit, QuantumCircuit):
            raise BasicAerError(
                f"run() takes QuantumCircuits; number {index} is a {type(circuit).__name__}: {circuit!r}"
            )
    return circuits


def _check_width(circuit: QuantumCircuit, backend: str, limits: Limits) -> None:
    if circuit.num_qubits > limits.max_qubits:
        raise BasicAerError(
            f"Number of qubits {circuit.num_qubits} is greater than maximum ({limits.max_qubits}) "
            f'for "{backend}". The circuit is "{circuit.name}"; the maximum follows the memory of the workers.'
        )


def _check_initial(circuit: QuantumCircuit, method: Method, initial: Any) -> None:
    if initial is None:
        return
    side = 1 << circuit.num_qubits
    if method == "unitary" and initial.shape != (side, side):
        raise BasicAerError(
            f'initial unitary is incorrect shape: {initial.shape} != {(side, side)}, for circuit "{circuit.name}"'
        )
    if method != "unitary" and len(initial) != side:
        raise BasicAerError(
            f'initial statevector is incorrect length: {len(initial)} != {side}, for circuit "{circuit.name}"'
        )


def _check_instructions(circuit: Program, method: Method, backend: str) -> None:
    """Refuse what has no unitary; warn, as BasicAer does, where counts will say nothing."""
    kinds = {type(instruction) for instruction in instructions.walk(circuit.instructions)}
    name = circuit.header.name
    if method == "unitary":
        for kind, unsupported in _NOT_UNITARY.items():
            if kind in kinds:
                raise BasicAerError(f'Unsupported "{backend}" instruction "{unsupported}" in circuit "{name}".')
    elif method == "qasm" and circuit.num_clbits == 0:
        logger.warning('No classical registers in circuit "%s", counts will be empty.', name)
    elif method == "qasm" and not kinds & {instructions.Measure, instructions.Store}:
        logger.warning('No measurements in circuit "%s", classical register will remain all zeros.', name)


def _check_result(programs: Sequence[Program], run: Options, limits: Limits) -> int:
    """Return an upper estimate of the result's bytes; refuse what no worker would be let store."""
    states = 0
    for each in programs:
        states += cost.result_bytes(each, run.method, run.precision)
        if states > limits.max_result_bytes:
            raise BasicAerError(
                f'the result has {states} bytes or more, up to circuit "{each.header.name}" '
                f"({each.num_qubits} qubits); the limit is {limits.max_result_bytes}: "
                "submit fewer or narrower circuits, or raise BASICAER_MAX_RESULT_BYTES"
            )
    readouts = sum(cost.readout_bytes(each, run.shots, memory=run.memory) for each in programs)
    return states + readouts


def _shards(programs: Sequence[Program], run: Options, seed: int) -> tuple[bytearray, ...]:
    """Cut a list by circuits, and pack small ones together."""
    costs = [cost.seconds(each, run.method, run.shots) for each in programs]
    experiments = [Experiment(index, experiment_seed(seed, index), each) for index, each in enumerate(programs)]
    # A job of no circuits goes the way of all jobs, as one shard of no experiments.
    spans = cost.pack(costs) or [range(0)]
    return tuple(wire.encode(Shard(run, tuple(experiments[span.start : span.stop]))) for span in spans)


def _digest(shards: Iterable[bytes | bytearray]) -> str:
    content = hashlib.sha256()
    for shard in shards:
        content.update(len(shard).to_bytes(8, "little"))
        content.update(shard)
    return content.hexdigest()
