"""An error of Aer's noise models, as the dictionary that it is written as, and its channels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit.library import get_standard_gate_name_mapping

from jobs.noise.model import Placed
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus, Pauli, Step
from simulator.errors import InvalidProgramError

_RESET = Array.of(np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]]))
#: As X and Z.
_LETTERS: Mapping[str, tuple[int, int]] = {"I": (0, 0), "X": (1, 0), "Y": (1, 1), "Z": (0, 1)}
_PAULIS: Mapping[str, str] = {"id": "I", "x": "X", "y": "Y", "z": "Z"}
#: Qubits on which Pauli strings are one channel, of all strings that there are.
_DENSE = 2
#: Strings that are kept: those on two qubits, of every model, are 16.
_STRINGS = 256
#: The numbers of a matrix that is written in JSON: rows, columns, real and imaginary part.
_WRITTEN = 3


def channels_of(error: Mapping[str, Any]) -> tuple[Placed, ...]:
    """Return the channels of an error; a bad one raises KeyError, TypeError, ValueError or InvalidProgramError."""
    if error["type"] == "plerror":
        return tuple(_of_generators(error["instructions"], error["rates"]))
    return (_mixture(error["instructions"], error["probabilities"]),)


def _mixture(circuits: Sequence[Sequence[Mapping[str, Any]]], probabilities: Sequence[float]) -> Placed:
    """Return a mixture of circuits, as one channel on all of their qubits."""
    width = 1 + max((qubit for circuit in circuits for each in circuit for qubit in each["qubits"]), default=0)
    # A step comes in many circuits, as Aer composes errors, and to check its operators takes long.
    known: dict[tuple[tuple[int, ...], Array], Kraus] = {}
    alternatives = [tuple([step for each in circuit for step in _steps(each, known)]) for circuit in circuits]
    return Placed(Channel(width, tuple(map(float, probabilities)), tuple(alternatives)), tuple(range(width)))


def _steps(instruction: Mapping[str, Any], known: dict[tuple[tuple[int, ...], Array], Kraus]) -> list[Step]:
    """Return what one instruction of an error's circuit does; operators that were checked are ``known``."""

    def operators(places: tuple[int, ...], array: Array) -> Kraus:
        key = places, array
        if key not in known:
            known[key] = Kraus(places, array)
        return known[key]

    name, qubits = instruction["name"], tuple(instruction["qubits"])
    params = instruction.get("params", ())
    if name == "pauli" or name in _PAULIS:
        # The last letter of a label is of the first qubit.
        letters = params[0] if name == "pauli" else _PAULIS[name]
        string = _string(tuple(letters[::-1]), qubits)
        return [string] if string.x or string.z else []
    if name == "reset":
        return [operators((qubit,), _RESET) for qubit in qubits]
    if name == "kraus":
        return [operators(qubits, Array.of(np.array([_matrix(each) for each in params])))]
    if name == "unitary":
        return [operators(qubits, Array.of(_matrix(params[0])[None]))]
    gate = get_standard_gate_name_mapping().get(name)
    if gate is None:
        raise ValueError(f'it has "{name}", which is no gate, pauli, reset, kraus or unitary')
    return [operators(qubits, Array.of(np.asarray(gate.base_class(*params).to_matrix(), np.complex128)[None]))]


def _of_generators(instructions: Sequence[Any], rates: Iterable[float]) -> Iterable[Placed]:
    """Yield the channels of a PauliLindbladError: a generator happens with probability (1 - exp(-2 rate)) / 2.

    They commute. Those on the same one or two qubits are one channel; wider ones stay apart, as the strings that
    they make together may be exponentially many.
    """
    together: dict[tuple[int, ...], dict[tuple[int, int], float]] = {}
    for (instruction,), rate in zip(instructions, rates, strict=True):
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(f"a rate of {rate} is none of a channel's: it must be at least 0")
        letters = instruction["params"][0][::-1]
        acted = zip(instruction["qubits"], letters, strict=True)
        on = [(qubit, letter) for qubit, letter in acted if letter != "I"]
        if not on or not rate:
            continue
        places = tuple([qubit for qubit, _ in on])
        string = _string(tuple([letter for _, letter in on]), tuple(range(len(on))))
        happens = -math.expm1(-2 * rate) / 2
        if len(places) > _DENSE:
            yield Placed(Channel(len(places), (1 - happens, happens), ((), (string,))), places)
            continue
        so_far = together.setdefault(places, {(0, 0): 1.0})
        mixed: dict[tuple[int, int], float] = {}
        for (x, z), probability in so_far.items():
            for key, share in (((x, z), 1 - happens), ((x ^ string.x, z ^ string.z), happens)):
                mixed[key] = mixed.get(key, 0.0) + probability * share
        together[places] = mixed
    for places, strings in together.items():
        alternatives = tuple([(Pauli(x, z),) if x or z else () for x, z in strings])
        yield Placed(Channel(len(places), tuple(strings.values()), alternatives), places)


@lru_cache(maxsize=_STRINGS)
def _string(letters: tuple[str, ...], qubits: tuple[int, ...]) -> Pauli:
    found = [(_LETTERS[letter], qubit) for letter, qubit in zip(letters, qubits, strict=True)]
    return Pauli(sum(x << qubit for (x, _), qubit in found), sum(z << qubit for (_, z), qubit in found))


def _matrix(written: Any) -> NDArray[np.complex128]:
    """Return a matrix, as an ndarray or as JSON has it: each number as [real, imaginary]."""
    array = np.asarray(written)
    if array.ndim == _WRITTEN and array.shape[-1] == 2:  # noqa: PLR2004
        array = array[..., 0] + 1j * array[..., 1]
    if array.ndim != 2 or array.shape[0] != array.shape[1]:  # noqa: PLR2004
        raise InvalidProgramError(f"a matrix of shape {array.shape}, which must be square")
    return np.asarray(array, np.complex128)
