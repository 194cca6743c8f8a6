"""What a primitive runs on, and with which options: checked where the primitive is made."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from jobs.arguments import shown, suggestion
from jobs.backend import BasicAerBackend
from jobs.errors import BasicAerError
from jobs.simulators import QasmSimulator
from jobs.submit.identity import seed_of
from jobs.submit.options import DEFAULTS, MAX_SEED

#: Run options that a PUB, or an argument of the primitive, stands for,
_ARGUMENTS = frozenset({"shots", "seed_simulator", "memory", "parameter_binds"})
#: and those whose data a `PrimitiveResult` has no place for.
_DATA = frozenset({"observables", "probabilities", "statevector", "density_matrix"})
#: Of some of these: what there is instead.
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "shots": "; give default_shots, run(shots=...), or the PUB's own",
        "seed": "; give it where the primitive is made",
        "seed_simulator": "; give seed= where the primitive is made",
        "memory": "; a sampler's BitArray has each shot",
        "parameter_binds": "; a PUB has its parameter values",
        "observables": "; an estimator's PUB has them",
    }
)


class OnBackend:
    """What sampler and estimator have in common: a backend, a seed, and run options for all jobs."""

    def __init__(
        self,
        target: Any,
        seed: np.random.Generator | int | None,
        options: Mapping[str, Any] | None,
        more: frozenset[str] = frozenset(),
    ) -> None:
        """Check them; ``more`` are options that are taken besides."""
        check_seed(seed)
        self._backend, self._seed = backend_of(target), seed
        self._options = checked_options(options, more)

    @property
    def seed(self) -> np.random.Generator | int | None:
        """What all counts, or all noise, follow from."""
        return self._seed

    @property
    def options(self) -> dict[str, Any]:
        """The run options of all jobs."""
        return dict(self._options)


def backend_of(target: Any) -> BasicAerBackend:
    """Return the backend that a primitive runs on, of a provider or that backend itself."""
    # A class has the function, too, and nothing to call it on.
    get_backend = None if isinstance(target, type) else getattr(target, "get_backend", None)
    backend = target if get_backend is None else get_backend(QasmSimulator.NAME)
    if not isinstance(backend, QasmSimulator):
        raise BasicAerError(
            f"a sampler or estimator is made from a BasicAerProvider or its backend {QasmSimulator.NAME!r}, "
            f"not from {shown(target)}"
        )
    return backend


def checked_options(options: Mapping[str, Any] | None, more: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return run options for all jobs of a primitive; an error names one that it does not take."""
    if not (options is None or isinstance(options, Mapping)):
        raise BasicAerError(f"options={shown(options)} must be a mapping from names of run options to values")
    known = (DEFAULTS["counts"].keys() - _ARGUMENTS - _DATA) | more
    for name in options or ():
        if name not in known:
            instead = _INSTEAD.get(name) or suggestion(str(name), sorted(known))
            raise BasicAerError(f"{name!r} is no option of this primitive{instead}")
    return dict(options or {})


def check_seed(seed: Any) -> None:
    """Refuse what is no seed: a whole number of up to 63 bits, a NumPy generator, or None."""
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, (bool, np.bool_))
    if not (seed is None or isinstance(seed, np.random.Generator) or (whole and 0 <= seed <= MAX_SEED)):
        raise BasicAerError(
            f"seed={shown(seed)} must be a whole number from 0 to {MAX_SEED}, a numpy.random.Generator, or None"
        )


def checked_shots(value: Any) -> int:
    """Return a sampler's default number of shots as an int."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise BasicAerError(f"default_shots={shown(value)} must be a whole number of at least 1")
    return int(value)


def checked_precision(name: str, value: Any) -> float:
    """Return a precision as it is: a finite number, 0 where values are exact."""
    real = isinstance(value, (int, float, np.integer, np.floating))
    if not real or not math.isfinite(value) or value < 0:
        raise BasicAerError(f"{name}={shown(value)} must be a finite number of at least 0; 0 is exact")
    precision: float = value
    return precision


def seed_for(what: str, seed: np.random.Generator | int | None, job_id: str | None) -> int:
    """Return the seed of one use of it in a job: a random one where there is none, or of the job's chosen id."""
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(MAX_SEED))
    if seed is not None:
        return int(seed)
    return secrets.randbits(31) if job_id is None else seed_of(f"{job_id} {what}")
