"""Read an OpenQASM 2 or 3 file into a circuit, or say in one line why not: file, line, column, reason."""

from __future__ import annotations

import re
import traceback
import warnings
from pathlib import Path

from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.qasm2 import LEGACY_CUSTOM_INSTRUCTIONS, LEGACY_INCLUDE_PATH

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_HEADER = re.compile(r"\s*OPENQASM\s+(?P<major>\d+)(?P<minor>\.\d+)?")
_LOCATED = re.compile(r"(?:(?P<file>.+?):)?(?P<line>\d+),(?P<column>\d+): (?P<reason>.*)", re.DOTALL)


class UnreadableCircuitError(Exception):
    """A file that is not a circuit; the text is ``FILE:LINE:COLUMN: reason``."""


def read_circuit(path: Path) -> QuantumCircuit:
    """Return the circuit of an OpenQASM file, named after the file.

    The version line decides which language it is. OpenQASM 2 is read as Qiskit writes it, with all the gates
    of Qiskit's own ``qelib1.inc``; files that it includes are looked for beside it, too.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableCircuitError(f"{path}: not a text file: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise UnreadableCircuitError(f"{path}: {error.strerror}") from error
    circuit = _READERS[_version(path, text)](path, text)
    circuit.name = path.stem
    return circuit


def _version(path: Path, text: str) -> str:
    # A comment becomes as many lines as it had, so that line numbers stay true.
    bare = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    header = _HEADER.match(bare)
    if header is None:
        first = len(bare) - len(bare.lstrip())
        line = bare.count("\n", 0, first) + 1 if bare.strip() else 1
        raise UnreadableCircuitError(
            f"{path}:{line}: no version line: an OpenQASM file begins with `OPENQASM 2.0;` or `OPENQASM 3.0;`"
        )
    if header["major"] not in _READERS:
        line = bare.count("\n", 0, header.start("major")) + 1
        raise UnreadableCircuitError(
            f"{path}:{line}: OpenQASM {header['major']}{header['minor'] or ''} is not known; 2.0 and 3.0 are"
        )
    return header["major"]


def _read_2(path: Path, text: str) -> QuantumCircuit:
    try:
        return qasm2.loads(
            text,
            include_path=(*LEGACY_INCLUDE_PATH, path.parent),
            custom_instructions=LEGACY_CUSTOM_INSTRUCTIONS,
        )
    except qasm2.QASM2ParseError as error:
        raise UnreadableCircuitError(_located(path, error.message)) from error


def _read_3(path: Path, text: str) -> QuantumCircuit:
    try:
        with warnings.catch_warnings():
            # The importer uses what newer versions of Qiskit deprecate; a file's author can do nothing about it.
            warnings.simplefilter("ignore", DeprecationWarning)
            return qasm3.loads(text)
    except qasm3.QASM3ImporterError as error:
        raise UnreadableCircuitError(_located(path, error.message)) from error
    except Exception as error:  # the importer lets whatever it meets escape: IndexError, TypeError, ...
        raise UnreadableCircuitError(_unlocated(path, error)) from error


_READERS = {"2": _read_2, "3": _read_3}


def _located(path: Path, message: str) -> str:
    """Turn a parser's ``file:line,column: reason``, columns from 0, into ``file:line:column: reason``."""
    found = _LOCATED.fullmatch(message)
    if found is None:
        return f"{path}: {message}"
    file = path if found["file"] in {None, "<input>"} else found["file"]
    return f"{file}:{found['line']}:{int(found['column']) + 1}: {found['reason']}"


def _unlocated(path: Path, error: Exception) -> str:
    """Say where an error arose that does not say so itself: at the token, or at the node, that was being read."""
    cause: BaseException | None = error.__cause__
    while cause is not None:
        for token in (each.offendingToken for each in (cause, *cause.args) if hasattr(each, "offendingToken")):
            what = "the file ends too early" if token.text == "<EOF>" else f"cannot read {token.text!r} here"
            return f"{path}:{token.line}:{token.column + 1}: {what}"
        cause = cause.__cause__
    reason = error.args[0] if len(error.args) == 1 else str(error)
    span = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        # The importer walks the tree with methods whose argument is called `node`; the last one is the culprit.
        span = getattr(frame.f_locals.get("node"), "span", None) or span
    place = f":{span.start_line}:{span.start_column + 1}" if span else ""
    return f"{path}{place}: {reason or type(error).__name__}"
