"""OpenQASM 2, as Qiskit reads it with the gates and functions that its exporter has ever written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qiskit import QuantumCircuit, qasm2
from qiskit.circuit import library
from qiskit.qasm2 import (
    LEGACY_CUSTOM_CLASSICAL,
    LEGACY_CUSTOM_INSTRUCTIONS,
    LEGACY_INCLUDE_PATH,
    CustomInstruction,
    QASM2ParseError,
)

from jobs.cli.qasm.source import MAX_BYTES, Source, refusal

#: The language's own two gates, so that the number of their parameters is checked too.
_BUILTIN = (
    CustomInstruction("U", 3, 1, library.UGate, builtin=True),
    CustomInstruction("CX", 0, 2, library.CXGate, builtin=True),
)
#: What Qiskit calls them: a gate of the file's own may have the same name.
_QISKIT_NAMES = {"u", "cx"}
_LOCATED = re.compile(r"(?P<file>.+?):(?P<line>\d+),(?P<column>\d+): (?P<reason>.*)", re.DOTALL)
#: An opaque gate has nothing in it, so there Qiskit's own of that name is the only meaning.
_DEFINITION = re.compile(r"\bgate\s+(\w+)\s*(?:\(([^)]*)\))?")
_INCLUDE = re.compile(r'\binclude\s*"([^"\n]+)"')
#: What those are called that OpenQASM 2 has not.
_FUNCTIONS = {"asin", "acos", "atan"}
#: What the parser never reads: it knows what is in it.
_QELIB1 = "qelib1.inc"
_NOT_INCLUDED = re.compile(r"cannot use non-builtin custom instruction ('\w+') before definition")


def read_2(source: Source) -> QuantumCircuit:
    """Return the circuit; raises `UnreadableCircuitError`, or any error whose position in the file is not known.

    Files that it includes are looked for where Qiskit does, in the working folder and beside the file. A gate
    that the file defines is that gate, whatever Qiskit has under its name.
    """
    folders = (*LEGACY_INCLUDE_PATH, source.path.parent)
    own = _defined(source, folders, set())
    try:
        circuit = qasm2.loads(
            source.text,
            include_path=folders,
            custom_instructions=[
                _counting(each) for each in (*LEGACY_CUSTOM_INSTRUCTIONS, *_BUILTIN) if each.name not in own
            ],
            custom_classical=() if own.keys() & _FUNCTIONS else LEGACY_CUSTOM_CLASSICAL,
        )
        _check_counts(circuit, {name: count for name, count in own.items() if name not in _QISKIT_NAMES})
    except QASM2ParseError as error:
        found = _LOCATED.fullmatch(error.message)
        if found is None:
            raise
        file = source.path if found["file"] == "<input>" else found["file"]
        position = int(found["line"]), int(found["column"]) + 1
        raise refusal(file, position, _plain(found["reason"])) from error
    return circuit


def _counting(instruction: CustomInstruction) -> CustomInstruction:
    """Return an instruction that counts its parameters: the parser does so only where there are parentheses."""

    def checked(constructor: Callable[..., Any] = instruction.constructor) -> Callable[..., Any]:
        def make(*parameters: float) -> Any:
            if len(parameters) != instruction.num_params:
                raise _miscounted(instruction.name, instruction.num_params, len(parameters))
            return constructor(*parameters)

        return make

    return replace(instruction, constructor=checked())


def _miscounted(name: str, takes: int, got: int) -> QASM2ParseError:
    return QASM2ParseError(f"'{name}' takes {takes} parameter{'' if takes == 1 else 's'}, but got {got}")


def _check_counts(circuit: QuantumCircuit, counts: Mapping[str, int]) -> None:
    """Refuse a gate of the file's own that was given another number of parameters than it takes."""
    for instruction in circuit.data if counts else ():
        for block in instruction.operation.blocks if instruction.is_control_flow() else ():
            _check_counts(block, counts)
        takes = counts.get(instruction.name, len(instruction.params))
        if takes != len(instruction.params):
            raise _miscounted(instruction.name, takes, len(instruction.params))


def _defined(source: Source, folders: Sequence[Path], seen: set[Path]) -> dict[str, int]:
    """Return the gates that a file defines, or one that it includes, and how many parameters they take."""
    names = {
        name: parameters.count(",") + 1 if parameters.strip() else 0
        for name, parameters in _DEFINITION.findall(source.bare)
    }
    for name in _INCLUDE.findall(source.code):
        paths = (folder / name for folder in folders)
        path = next((path for path in paths if path.is_file()), None)
        if name == _QELIB1 or path is None or path in seen or path.stat().st_size > MAX_BYTES:
            continue
        seen.add(path)
        names |= _defined(Source.of(path), folders, seen)
    return names


def _plain(reason: str) -> str:
    """Return the parser's message in the words of a user."""
    found = _NOT_INCLUDED.match(reason)
    if found is not None:
        return f"{found[1]} is not defined before this; include '{_QELIB1}' defines it"
    if "Too many open files" in reason:
        return f"{reason.partition(':')[0]}: includes are nested too deeply; does it include itself?"
    return reason
