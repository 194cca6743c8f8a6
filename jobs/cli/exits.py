"""How every command ends: an exit code for each kind of outcome, and one line on stderr that says why."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn

import click
from rich.text import Text

from jobs.cli.output.terminal import stderr, wrapped


class ExitCode(IntEnum):
    """What a command's exit code means."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    UNKNOWN_JOB = 4
    INTERRUPTED = 130


#: Where a click context has whether errors are to be shown with their tracebacks.
DEBUG = "jobs.cli.debug"
#: The same, for `basicaer --help`.
HELP = """\b
Exit codes:
  0    done
  1    the job failed or was cancelled, nothing to cancel, or a check failed
  2    bad usage: an option, a setting, a circuit or a file of no use
  3    something is missing or out of reach: Redis, a package, a program
  4    no job has this id, or its result has expired
  130  Ctrl-C; a job that was waited for goes on
"""


def debugging() -> bool:
    """Whether `--debug` was given, to the command or before it."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().meta.get(DEBUG))


def give_up(message: str, code: ExitCode) -> NoReturn:
    """End the command with this message on stderr, and this code."""
    _print(("Error: ", "bold red"), message)
    raise SystemExit(code)


def _print(head: tuple[str, str], text: str) -> None:
    console = stderr()
    console.print(Text.assemble(head, wrapped(console, text, begins=len(head[0]))), soft_wrap=True)


@contextmanager
def exit_codes() -> Iterator[None]:
    """End the command with a message and a code, instead of a traceback, for whatever a user can meet."""
    try:
        rows = _outcomes()
    except ModuleNotFoundError as error:
        # A worker's machine needs no Qiskit, and this is one of a client's commands.
        package = str(error.name).partition(".")[0]
        give_up(f"{package} is not installed: python -m pip install {package}", ExitCode.UNREACHABLE)
    try:
        with _plain_warnings():
            yield
    except tuple(kind for kind, _ in rows) as error:
        if debugging():
            raise
        code = next(code for kind, code in rows if isinstance(error, kind))
        # The str() of a QiskitError is the repr() of its message.
        give_up(getattr(error, "message", None) or str(error), code)
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print each warning of this block once, as one line without source code."""
    said: set[str] = set()

    def show(message: Warning | str, *_where: Any, **_more: Any) -> None:
        text = str(message)
        if text not in said:
            said.add(text)
            _print(("Warning: ", "bold yellow"), text)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _outcomes() -> tuple[tuple[type[Exception], ExitCode], ...]:
    """Return each kind of error and its code; the first row that fits counts."""
    from qiskit.exceptions import QiskitError
    from qiskit.providers import JobError

    from jobs import errors
    from jobs.cli.qasm import UnreadableCircuitError
    from worker.settings import SettingsError

    return (
        (errors.JobNotFoundError, ExitCode.UNKNOWN_JOB),
        (errors.JobExpiredError, ExitCode.UNKNOWN_JOB),
        (errors.UnreachableError, ExitCode.UNREACHABLE),
        (errors.ClusterError, ExitCode.UNREACHABLE),
        (JobError, ExitCode.JOB_FAILED),
        (QiskitError, ExitCode.USAGE),
        (SettingsError, ExitCode.USAGE),
        (UnreadableCircuitError, ExitCode.USAGE),
    )
