"""The run options: what each backend takes, their defaults, and what a value must be."""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, cast, get_args

import numpy as np
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import PauliList

from jobs.arguments import shown, suggestion
from jobs.errors import BasicAerError
from jobs.lowering import pauli_sum
from jobs.noise import read_model
from jobs.submit.identity import seed_of
from simulator.circuit.pauli_sum import PauliSum
from simulator.options import Method, Precision
from worker.record.values import MOST_URGENT
from worker.settings import MOST_SECONDS

logger = logging.getLogger(__name__)

#: A seed is a key of 63 bits.
MAX_SEED = 2**63 - 1
MAX_SHOTS = 2**53

_COMMON: dict[str, Any] = {
    "shots": 1024,
    "chop_threshold": 1e-15,
    "parameter_binds": None,
    "job_tags": None,
    "job_timeout": None,
    "expires": None,
    "precision": "double",
    "priority": 0,
    "max_shards": None,
}
_SAMPLING: dict[str, Any] = {
    "memory": False,
    "seed_simulator": None,
    "initial_statevector": None,
    "allow_sample_measuring": True,
    "observables": None,
}
#: Of the method of matrix product states only.
_TRUNCATION: dict[str, Any] = {"max_bond": None, "cutoff": 1e-16}
#: Output -> option -> default.
DEFAULTS: dict[str, dict[str, Any]] = {
    "counts": {
        **_COMMON,
        **_SAMPLING,
        "statevector": False,
        "probabilities": False,
        "density_matrix": False,
        "method": "automatic",
        "noise_model": None,
        **_TRUNCATION,
    },
    "statevector": _COMMON | _SAMPLING | {"shots": 1},
    "unitary": _COMMON | {"shots": 1, "initial_unitary": None},
}
#: Singular values that a bond keeps.
_MOST_BOND = 2**20
#: Shards of one job.
_MOST_SHARDS = 2**31 - 1


def _integer(name: str, value: Any, most: int, least: int = 0) -> int:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
    if not whole or not least <= value <= most:
        raise BasicAerError(f"{name}={shown(value)} must be a whole number from {least} to {most}")
    return int(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise BasicAerError(f"{name}={shown(value)} must be True or False")
    return bool(value)


def _threshold(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not value >= 0:
        raise BasicAerError(f"{name}={shown(value)} must be a number of at least 0")
    # Above the largest float all is chopped, as at it.
    return float(min(value, sys.float_info.max))


def _cutoff(name: str, value: Any) -> float:
    share = _threshold(name, value)
    if share >= 1:
        raise BasicAerError(f"{name}={shown(value)} is the share that may be cut off: from 0 to below 1")
    return share


def _timeout(name: str, value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.integer, np.floating))
        or not 0 < value <= MOST_SECONDS
    ):
        raise BasicAerError(
            f"{name}={shown(value)} must be a number of seconds above 0, and {MOST_SECONDS} at most"
        )
    return float(value)


def resolve_tags(value: Any) -> tuple[str, ...]:
    """Check a job's tags: any iterable of strings; None: none."""
    if value is None:
        return ()
    tags = tuple(value) if isinstance(value, Iterable) else ()
    if (
        isinstance(value, (str, bytes))
        or not isinstance(value, Iterable)
        or not all(isinstance(tag, str) for tag in tags)
    ):
        raise BasicAerError(f"job_tags={shown(value)} must be a list of strings")
    return tags


def resolve_precision(value: Any) -> Precision:
    """Check a precision; None: double."""
    choices = get_args(Precision)
    if value is None:
        return "double"
    if not isinstance(value, str) or value not in choices:
        raise BasicAerError(f"precision={shown(value)} must be {' or '.join(map(repr, choices))}")
    return cast("Precision", value)


def _method(name: str, value: Any) -> Method:
    choices = get_args(Method)
    if not isinstance(value, str) or value not in choices:
        meant = suggestion(value, choices) if isinstance(value, str) else ""
        raise BasicAerError(f"{name}={shown(value)} must be {' or '.join(map(repr, choices))}{meant}")
    return cast("Method", value)


def _numbers(name: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value, dtype=complex)
    except (TypeError, ValueError) as error:
        raise BasicAerError(f"{name}={shown(value)} must be an array of numbers: {error}") from error


def _statevector(_: str, value: Any) -> np.ndarray:
    state = _numbers("initial_statevector", value).reshape(-1)
    norm = np.linalg.norm(state)
    if not round(float(norm), 12) == 1:
        raise BasicAerError(f"initial statevector is not normalized: norm {norm} != 1")
    return state


def _observables(_: str, value: Any) -> tuple[PauliSum, ...]:
    if isinstance(value, ObservablesArray):
        value = value.sparse_observables_array().reshape(-1)
    elif isinstance(value, PauliList):
        value = list(value)
    # Operators of Qiskit's have a number of qubits, and may have a length, too.
    one = isinstance(value, (str, Mapping)) or hasattr(value, "num_qubits") or not isinstance(value, Iterable)
    return tuple([pauli_sum(each) for each in ([value] if one else value)])


def _unitary(_: str, value: Any) -> np.ndarray:
    matrix = _numbers("initial_unitary", value)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:  # noqa: PLR2004 (a matrix)
        raise BasicAerError(f"initial unitary is not a square matrix: shape {matrix.shape}")
    distance = np.linalg.norm(matrix.conj().T @ matrix - np.eye(len(matrix)))
    if not round(float(distance), 10) == 0:
        raise BasicAerError(f"initial unitary is not unitary: |U^dagger U - 1| = {distance}")
    return matrix


#: Option -> what checks a value that is neither None nor the default.
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "shots": lambda name, value: _integer(name, value, MAX_SHOTS),
    "memory": _flag,
    "observables": _observables,
    "statevector": _flag,
    "probabilities": _flag,
    "density_matrix": _flag,
    "method": _method,
    "noise_model": lambda _, value: read_model(value),
    "max_bond": lambda name, value: _integer(name, value, _MOST_BOND, 1),
    "cutoff": _cutoff,
    "seed_simulator": lambda name, value: _integer(name, value, MAX_SEED),
    "initial_statevector": _statevector,
    "initial_unitary": _unitary,
    "chop_threshold": _threshold,
    "allow_sample_measuring": _flag,
    "parameter_binds": lambda _, value: value,
    "job_tags": lambda _, value: resolve_tags(value),
    "job_timeout": _timeout,
    "expires": _timeout,
    "precision": lambda _, value: resolve_precision(value),
    "priority": lambda name, value: _integer(name, value, MOST_URGENT),
    "max_shards": lambda name, value: _integer(name, value, _MOST_SHARDS, 1),
}


def check(name: str, value: Any) -> Any:
    """Return an option's value as it is used; raises `BasicAerError` naming it, its value, and what it may be."""
    return _CHECKS[name](name, value)


#: Options of devices that libraries pass -> the values that ask for what is done anyway.
_DONE_ANYWAY: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "meas_level": (2,),
        "meas_return": ("single", "avg"),
        "init_qubits": (True,),
        "use_measure_esp": (False,),
        "noise_model": (),
    }
)


def is_done_anyway(name: str, value: Any, backend: str = "this backend") -> bool:
    """Return whether an option that no backend has asks for nothing; refuse it if it asks for more.

    A simulator measures bits, and begins each shot in |0...0>, however long it waits before (``rep_delay``).
    """
    if name == "rep_delay":
        return True
    if name == "noise_model" and value is not None:
        raise BasicAerError(
            f'noise_model is not for "{backend}", which has no noise: run on "qasm_simulator", or leave it out'
        )
    values = _DONE_ANYWAY.get(name)
    if values is None:
        return False
    # Qiskit's MeasLevel is an int, its MeasReturnType a str, and no bool is a level.
    if value is None or any(value == each and isinstance(value, type(each)) for each in values):
        return True
    allowed = " or ".join(map(repr, values))
    raise BasicAerError(f"{name}={shown(value)} is not simulated: leave it out, or give {allowed}")


def resolve(
    output: str, backend_name: str, given: Mapping[str, Any], *, job_id: str | None = None
) -> dict[str, Any]:
    """Check options and fill in defaults; None is the default of any of them.

    ``job_id`` is one that the user chose: the default seed follows from it, so that the same run is the same job.
    Raises `BasicAerError` naming the option, its value, and what it may be. A statevector and a unitary are
    of one shot, whatever was asked.
    """
    resolved = dict(DEFAULTS[output])
    for name, default in DEFAULTS[output].items():
        value = given.get(name)
        if value is not None and value is not default:
            resolved[name] = check(name, value)
    for name, default in _TRUNCATION.items():
        if resolved.get("method", "matrix_product_state") != "matrix_product_state" and resolved[name] != default:
            raise BasicAerError(
                f"{name}={shown(resolved[name])} is of matrix product states: "
                'give method="matrix_product_state", too'
            )
    resolved["job_tags"] = resolved["job_tags"] or ()
    if resolved.get("seed_simulator", 0) is None:
        # No seed: a new one for every run, which the result reports.
        resolved["seed_simulator"] = secrets.randbits(31) if job_id is None else seed_of(job_id)
    if output != "counts" and resolved["shots"] != 1:
        logger.info('"%s" only supports 1 shot. Setting shots=1.', backend_name)
        resolved["shots"] = 1
    return resolved
