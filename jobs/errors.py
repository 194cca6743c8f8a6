"""What a user can catch. Everything is a `QiskitError`; what concerns a job is also a `JobError`.

```
QiskitError
├── BasicAerError                    refused before anything was submitted; also every error below
│   ├── LoweringError                a circuit cannot become a Program; names it, the part, and the cure
│   ├── UnreachableError             Redis did not answer in time, or refuses (also a JobError)
│   └── ClusterError                 the embedded cluster did not start
└── JobError
    ├── JobTimeoutError              `result(timeout=...)`, `wait_for_final_state(timeout=...)`
    ├── JobNotFoundError             no job has this id
    ├── JobExpiredError              there was one; its result's time is over
    └── JobCancelledError            `result()` of a cancelled job
```
"""

from qiskit.exceptions import QiskitError
from qiskit.providers import JobError


def _plain(error: QiskitError) -> str:
    """Return the message as it is: Qiskit's own ``str`` is its repr, with quotes and escapes."""
    return str(error.message)


class BasicAerError(QiskitError):
    """A circuit, option or setting that cannot be used."""

    __str__ = _plain


class LoweringError(BasicAerError):
    """A circuit that cannot become a Program."""


class UnreachableError(BasicAerError, JobError):
    """Redis did not answer in time, or refuses for now; names its address, without the password, and the cure."""


class ClusterError(BasicAerError):
    """The embedded cluster did not start."""


class JobNotFoundError(JobError):
    """No job has this id: there never was one, or it was deleted."""

    __str__ = _plain


class JobExpiredError(JobError):
    """The job ended, and its result was kept for as long as BASICAER_RESULT_TTL says."""

    __str__ = _plain


class JobCancelledError(JobError):
    """The job was cancelled, so it has no result."""

    __str__ = _plain
