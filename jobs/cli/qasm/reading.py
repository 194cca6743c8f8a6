"""A file -> a Program, or one line that says why not. All of it is done in a process of its own, within bounds."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path

import msgspec
from qiskit import QuantumCircuit

from jobs.cli.qasm.confinement import Bounds, NoResultError, TimeIsOverError, confined, stop_clock
from jobs.cli.qasm.openqasm2 import read_2
from jobs.cli.qasm.positions import position_of
from jobs.cli.qasm.source import Source, UnreadableCircuitError, refusal
from jobs.lowering import lower
from simulator.circuit.program import Program

#: A million gates of OpenQASM 2 are read in that time, or some 40,000 of OpenQASM 3.
READ_SECONDS = 60
#: Bytes; a gate takes about 2,000 while it is read.
_MEMORY = 4 << 30


class _ReadResult(msgspec.Struct):
    """What the process that reads says: one of the two."""

    program: Program | None = None
    refusal: str | None = None


_decoder = msgspec.msgpack.Decoder(_ReadResult)


def read_program(path: Path, seconds: float = READ_SECONDS) -> Program:
    """Return the Program of an OpenQASM file, named after the file; raises `UnreadableCircuitError`.

    The version line decides which language it is; where there is none, what only OpenQASM 3 has. Whatever the
    bytes are, it takes little more than ``seconds``, and nothing is printed.
    """
    bounds = Bounds(seconds, _MEMORY)
    try:
        result = _decoder.decode(confined(partial(_read_result, path, bounds), bounds))
    except TimeoutError:
        raise refusal(path, None, _reason(TimeIsOverError(), bounds)) from None
    except NoResultError as error:
        raise refusal(path, None, f"reading it {error}") from error
    if result.program is None:
        raise UnreadableCircuitError(result.refusal)
    return result.program


def _read_result(path: Path, bounds: Bounds) -> bytes:
    try:
        result = _ReadResult(program=_program(path, bounds))
    except UnreadableCircuitError as error:
        result = _ReadResult(refusal=str(error))
    stop_clock()
    return msgspec.msgpack.encode(result)


def _program(path: Path, bounds: Bounds) -> Program:
    source = language = None
    try:
        source = Source.of(path)
        language = source.language()
        source.check(language)
        return _lowered(source, language)
    except UnreadableCircuitError:
        raise
    except BaseException as error:
        # TimeIsOverError, and the panics of Qiskit's parser, are no Exception.
        position = position_of(error)
        if position is None and source and language and not isinstance(error, (MemoryError, TimeIsOverError)):
            with contextlib.suppress(MemoryError, TimeIsOverError):
                position, error = _first_bad_statement(source, language, error)
        stop_clock()
        if isinstance(error, UnreadableCircuitError):
            raise error from None
        raise refusal(path, position, _reason(error, bounds)) from error


def _circuit(source: Source, language: str) -> QuantumCircuit:
    if language == "2":
        return read_2(source)
    # Its parser is large: a fifth of a second.
    from jobs.cli.qasm.openqasm3 import read_3

    return read_3(source)


def _lowered(source: Source, language: str) -> Program:
    circuit = _circuit(source, language)
    # A name that is not in UTF-8 must cross the wire, too.
    circuit.name = source.path.stem.encode(errors="replace").decode()
    return lower(circuit)


def _first_bad_statement(
    source: Source, language: str, error: BaseException
) -> tuple[tuple[int, int] | None, BaseException]:
    """Find the statement at which reading begins to fail, and how, by reading beginnings of the file."""
    ends = source.statements()
    good, bad = -1, len(ends) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        failure = _failure(source.until(ends[middle]), language)
        if failure is None:
            good = middle
        else:
            bad, error = middle, failure
    return source.position(source.next_code(ends[good] if good >= 0 else 0)) if ends else None, error


def _failure(source: Source, language: str) -> BaseException | None:
    try:
        _lowered(source, language)
    except (MemoryError, TimeIsOverError):
        raise
    except BaseException as error:  # noqa: BLE001 (as above)
        return error
    return None


def _reason(error: BaseException, bounds: Bounds) -> str:
    if isinstance(error, TimeIsOverError):
        return f"reading it takes more than {bounds.seconds:g} s; --read-timeout gives it more"
    if isinstance(error, MemoryError):
        return f"reading it takes more than {bounds.memory >> 30} GiB of memory"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    # The str() of a QiskitError is the repr() of its message.
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return text if isinstance(error, Exception) else f"Qiskit's parser fails on it: {text}"
