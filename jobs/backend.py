"""What all simulators are as Qiskit backends: `jobs.simulators` has each of them."""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target

from jobs.arguments import shown, suggestion
from jobs.connection import Connection, Session
from jobs.errors import BasicAerError
from jobs.follow.recorded import RecordedJob
from jobs.job import BasicAerJob
from jobs.manifest import Manifest, PrimitiveNote
from jobs.submit import Submission, SubmitContext, identity, prepare
from jobs.submit.options import DEFAULTS, check, is_done_anyway, resolve_precision
from jobs.submit.parameters import ParameterGrid
from jobs.tables import html_table
from jobs.target import build_target
from simulator import cost
from simulator.options import Output, Precision
from simulator.shards.wire import WIRE_VERSION
from worker.record.values import WorkerInfo


class BasicAerBackend(BackendV2):
    """A simulator whose jobs run on Celery workers.

    Args:
        provider: what it belongs to, which has a `Connection` as its ``connection``.
        fields: run options that go before the defaults.
    """

    #: The name that `BasicAerProvider.get_backend` takes.
    NAME: str
    OUTPUT: Output
    DESCRIPTION: str
    #: The defaults of options that are other than those of the output.
    DEFAULTS: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, provider: Any, **fields: Any) -> None:
        #: What its jobs reach Redis through.
        self.connection: Connection = provider.connection
        self._check_fields(fields)
        super().__init__(
            provider=provider,
            name=self.NAME,
            description=self.DESCRIPTION,
            backend_version=version("basicaer-celery"),
            **fields,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.NAME!r}) at {self.connection.address!r}>"

    def _repr_html_(self) -> str:
        usual = self._usual()
        # What tells this backend from others, and what somebody changed.
        told = {
            name: value
            for name, value in vars(self.options).items()
            if name in self.DEFAULTS or value is not usual[name]
        }
        rows: list[tuple[str, object]] = [
            ("does", self.DESCRIPTION),
            ("at", self.connection.address),
            ("qubits", self.num_qubits),
        ]
        rows += [(name, shown(value)) for name, value in told.items()]
        return html_table(self.NAME, rows)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # An AttributeError, since libraries tell a BackendV1 by `hasattr(backend, "configuration")`.
            instead = _OF_QISKIT_1.get(name)
            if instead is None:
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self
                )
            raise AttributeError(f"backend.{name}() is gone from Qiskit 2; use {instead}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BasicAerBackend):
            return NotImplemented
        return (self.NAME, self.connection.address) == (other.NAME, other.connection.address)

    def __hash__(self) -> int:
        return hash((self.NAME, self.connection.address))

    def __copy__(self) -> BasicAerBackend:
        return type(self)(self.provider, **dict(self.options))

    def __deepcopy__(self, memo: dict[int, Any]) -> BasicAerBackend:
        return type(self)(self.provider, **copy.deepcopy(dict(self.options), memo))

    @classmethod
    def _default_options(cls) -> Options:
        return Options(**cls._usual())

    @classmethod
    def _usual(cls) -> dict[str, Any]:
        """Return the default of each option."""
        return DEFAULTS[cls.OUTPUT] | dict(cls.DEFAULTS)

    def set_options(self, **fields: Any) -> None:
        """Change the defaults of later runs; AttributeError names an option that there is not.

        A value that it may not have is a `BasicAerError`, and nothing is changed.
        """
        self._check_fields(fields)
        super().set_options(**fields)

    def _check_fields(self, fields: dict[str, Any]) -> None:
        known = DEFAULTS[self.OUTPUT]
        for name in fields:
            if name not in known:
                raise AttributeError(
                    f"Options field {name} is not valid for this backend{suggestion(name, known)}"
                )
        for name, value in fields.items():
            if value is not None:
                check(name, value)
        self._check_method(fields.get("method"))

    def _check_method(self, method: Any) -> None:
        """Raise `BasicAerError` for another method than the one that the backend is named after."""
        own = self.DEFAULTS.get("method")
        if own is not None and method is not None and method != own:
            raise BasicAerError(
                f'method={shown(method)} is not for "{self.NAME}", whose method is {own!r}: run on '
                '"qasm_simulator", or leave it out'
            )

    @property
    def target(self) -> Target:
        """What `transpile` may leave in a circuit, of `num_qubits` at most. It keeps a circuit's width.

        A wider circuit that uses few of its qubits at once needs no transpiling: `run` takes it as it is.
        """
        return _target(self.OUTPUT, self.num_qubits)

    @property
    def num_qubits(self) -> int:
        """How many qubits may be in use at once: `max_qubits` as it is known without waiting, and never an error.

        BASICAER_MAX_QUBITS where Redis does not answer soon, and before the embedded cluster was needed.
        """
        return self._width(self.connection.known_workers(), resolve_precision(self.options.precision))

    @property
    def max_circuits(self) -> int | None:
        """How many circuits one job may have; None: any number. BASICAER_MAX_CIRCUITS sets it."""
        return self.connection.settings.max_circuits

    @property
    def max_qubits(self) -> int:
        """The widest circuit that is accepted now: what fits the widest worker that is up.

        With no worker up to ask, BASICAER_MAX_QUBITS. It depends on the option ``precision``.
        """
        with self.connection.reaching() as session:
            workers = _workers(session)
        return self._width(workers, resolve_precision(self.options.precision))

    @property
    def _device_qubits(self) -> int | None:
        """How many qubits a circuit may have in all, in use or not; None: any number."""
        return None

    def _width(self, workers: list[WorkerInfo], precision: Precision) -> int:
        if not workers:
            return self.connection.settings.max_qubits
        return _widest(max([worker.memory for worker in workers]), self.OUTPUT, precision)

    def run(self, run_input: Any, *, job_id: str | None = None, **options: Any) -> BasicAerJob:
        """Submit circuits and return at once.

        Args:
            run_input: a QuantumCircuit, or an iterable of them, which may be a stream of any length.
            job_id: an id of one's own, of 1 to 128 letters, digits, dots, underscores or hyphens. Submitted again,
                from any process, it is the same job; with other circuits, shots or seed it is an error.
            options: run options; they hold for this run only, and go before `set_options`.

        Raises:
            BasicAerError: a circuit or option that cannot be run; nothing was submitted.
            UnreachableError: Redis did not answer within BASICAER_CONNECT_TIMEOUT, or refuses.
        """
        with self.connection.reaching() as session:
            submission = self._prepared(run_input, options, job_id, session, held=False)
            # What is refused asks the embedded cluster for no workers.
            submission.submit(self.connection.open(workers=True))
        return BasicAerJob.of_submission(self, submission, submitted=True)

    def create_job(self, run_input: Any, *, job_id: str | None = None, **options: Any) -> BasicAerJob:
        """Check and lower circuits as `run` does, but leave it to the caller to `submit` the job."""
        with self.connection.reaching() as session:
            submission = self._prepared(run_input, options, job_id, session, held=True)
        return BasicAerJob.of_submission(self, submission, submitted=False)

    def submit_pubs(
        self, grids: Iterable[ParameterGrid], note: PrimitiveNote, options: dict[str, Any], job_id: str | None
    ) -> Submission:
        """Submit the job of a sampler or an estimator, as `run` submits that of circuits."""
        with self.connection.reaching() as session:
            submission = self._prepared(grids, options, job_id, session, held=False, primitive=note)
            submission.submit(self.connection.open(workers=True))
        return submission

    def _prepared(
        self,
        run_input: Any,
        options: dict[str, Any],
        job_id: str | None,
        session: Session,
        *,
        held: bool,
        primitive: PrimitiveNote | None = None,
    ) -> Submission:
        """Check options and circuits, and return the submission; ``held``: nothing is uploaded yet."""
        if job_id is not None:
            identity.check(job_id)
        # None is the default of any option, as an option of a backend too.
        given = self._usual() | {name: value for name, value in vars(self.options).items() if value is not None}
        for name, value in options.items():
            if name not in given and is_done_anyway(name, value, self.NAME):
                continue
            if name not in given:
                said = f"Option {name} is not used by this backend{suggestion(name, given)}"
                warnings.warn(said, UserWarning, stacklevel=3)
            elif value is not None:
                given[name] = value
        self._check_method(options.get("method"))
        width = self._width(_workers(session), resolve_precision(given["precision"]))
        context = SubmitContext(
            self.OUTPUT, self.NAME, self.backend_version, width, self.connection.settings, self._device_qubits
        )
        store = None if held else session.store
        return prepare(run_input, given, context, job_id=job_id, store=store, primitive=primitive)

    def retrieve_job(self, job_id: str) -> BasicAerJob:
        """Find a job of this backend again."""
        manifest = Manifest.decode(RecordedJob(self.connection, job_id).read().manifest)
        if manifest.backend != self.NAME:
            raise BasicAerError(f'Job {job_id} ran on "{manifest.backend}", not on "{self.NAME}".')
        if manifest.primitive is not None:
            found: BasicAerJob = self.provider.job(job_id)
            return found
        return BasicAerJob.of(self, job_id)


#: What a BackendV1 had -> where it is now.
_OF_QISKIT_1: Mapping[str, str] = MappingProxyType(
    {
        "configuration": "name, num_qubits, operation_names, target and max_circuits",
        "properties": "target, which has no calibration",
        "defaults": "target, which has no pulses",
        "status": "job.status(), job.queue_position() and provider.workers()",
    }
)


@functools.lru_cache(maxsize=64)
def _widest(memory: int, output: Output, precision: Precision) -> int:
    """Return the widest circuit that fits so many bytes; kept, as the workers are the same from run to run."""
    return cost.max_qubits(memory, output, precision)


@functools.cache
def _target(output: Output, num_qubits: int) -> Target:
    return build_target(output, num_qubits)


def _workers(session: Session) -> list[WorkerInfo]:
    """Return the workers that are up; raises `BasicAerError` if none of them can read this client's jobs."""
    workers = session.workers()
    if workers and max([worker.wire for worker in workers]) < WIRE_VERSION:
        names = ", ".join(f"{worker.name} (wire {worker.wire})" for worker in workers)
        raise BasicAerError(
            f"This client writes wire version {WIRE_VERSION}, which none of the workers that are up reads: "
            f"{names}. Upgrade basicaer-celery on the workers first."
        )
    return workers
