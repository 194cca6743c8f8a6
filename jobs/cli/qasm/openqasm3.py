"""OpenQASM 3, as `qiskit-qasm3-import` reads it."""

from __future__ import annotations

import re

import qiskit_qasm3_import
from openqasm3 import ast
from openqasm3.parser import QASM3ParsingError
from qiskit import QuantumCircuit
from qiskit_qasm3_import import ConversionError

from jobs.cli.qasm.positions import nodes_of, position_of
from jobs.cli.qasm.source import Source, UnreadableCircuitError, refusal

_CONVERTED = re.compile(r"(?P<line>\d+),(?P<column>\d+): (?P<reason>.*)", re.DOTALL)
_PARSED = re.compile(r"L(?P<line>\d+):C(?P<column>\d+): (?P<reason>.*)", re.DOTALL)
_UNKNOWN = re.compile(r"token recognition error at: '(?P<text>.*)'", re.DOTALL)


def read_3(source: Source) -> QuantumCircuit:
    """Return the circuit; raises `UnreadableCircuitError`, or any error whose position in it is not known."""
    try:
        return qiskit_qasm3_import.parse(source.text)
    except (ConversionError, QASM3ParsingError) as error:
        located = _said(source, error) or _at_token(source, error) or _at_node(source, error)
        if located is None:
            raise
        raise located from error
    except Exception as error:  # the importer lets whatever it meets escape: IndexError, TypeError, ...
        located = _at_node(source, error)
        if located is None:
            raise
        raise located from error


def _said(source: Source, error: Exception) -> UnreadableCircuitError | None:
    """Return the position that an error's own text names."""
    found = _CONVERTED.fullmatch(str(error)) or _PARSED.fullmatch(str(error))
    if found is None:
        return None
    unknown = _UNKNOWN.fullmatch(found["reason"])
    reason = found["reason"] if unknown is None else f"cannot read {unknown['text']!r} here"
    return refusal(source.path, (int(found["line"]), int(found["column"]) + 1), reason)


def _at_token(source: Source, error: Exception) -> UnreadableCircuitError | None:
    """Find the word at which the grammar was left."""
    cause = error.__cause__
    while cause is not None:
        for each in (cause, *cause.args):
            token = getattr(each, "offendingToken", None)
            if token is not None:
                what = "the file ends too early" if token.text == "<EOF>" else f"cannot read {token.text!r} here"
                return refusal(source.path, (token.line, token.column + 1), what)
        cause = cause.__cause__
    return None


def _at_node(source: Source, error: Exception) -> UnreadableCircuitError | None:
    """Find the statement, or the part of it, that was being converted."""
    position = position_of(error)
    if position is None or isinstance(error, RecursionError):
        return None
    gates = [node for node in nodes_of(error) if isinstance(node, ast.QuantumGate)]
    if gates and isinstance(error, TypeError):
        count = len(gates[-1].arguments)
        reason = f"'{gates[-1].name.name}' does not take {count} parameter{'' if count == 1 else 's'}"
    else:
        reason = getattr(error, "message", None) or str(error) or type(error).__name__
    return refusal(source.path, position, reason)
