"""What the option ``noise_model`` may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qiskit.transpiler import Target

from jobs.arguments import shown
from jobs.errors import BasicAerError
from jobs.noise.aer_model import AerModel
from jobs.noise.model import NoiseModel, listed
from jobs.noise.spec import NoiseSpec
from jobs.warned import warn_user

#: Aer's classes of single errors, by their names, as Aer may not be installed.
_AER_ERRORS = frozenset({"QuantumError", "ReadoutError", "PauliLindbladError"})


def read_model(value: Any) -> NoiseModel:
    """Return the model that a value is; raises `BasicAerError` if it is none, or has a bad error."""
    if isinstance(value, NoiseSpec):
        return value
    if isinstance(value, WrittenNoise):
        return _Recorded(said=str(value))
    cure = _cure(value)
    if cure or (not isinstance(value, Mapping) and (isinstance(value, type) or not hasattr(value, "to_dict"))):
        raise BasicAerError(
            f"noise_model={shown(value)} must be a NoiseModel of Qiskit Aer, the dictionary of one, or a "
            f"NoiseSpec{cure}"
        )
    model = AerModel(value)
    if wide := model.wide_readouts:
        said = (
            f"The noise model has a readout error of qubits {wide[0]} together, which applies nowhere, as in Aer: "
            "circuits measure qubits one by one. Put its to_instruction() behind the measurements"
        )
        warn_user(said)
    return model


def _cure(value: Any) -> str:
    """Return how what has noise in it becomes a model; "" for anything else."""
    if isinstance(value, Target):
        return ": NoiseSpec.from_target(...) makes one of it"
    if isinstance(getattr(value, "target", None), Target):
        return ": NoiseSpec.from_backend(...) makes one of it"
    if type(value).__name__ in _AER_ERRORS:
        return ": add the error to a NoiseModel, which says where it happens"
    return ""


class WrittenNoise(str):
    """The noise model of a recorded job, in words: the job's circuits have its errors written in them.

    As the ``noise_model`` of another run, it adds nothing to circuits.
    """

    __slots__ = ()


@dataclass(frozen=True, repr=False)
class _Recorded(NoiseSpec):
    """The model of a recorded job, which has no errors to add."""

    said: str = ""


def written(model: NoiseModel) -> str:
    """Return what the record of a job says of its noise model."""
    if isinstance(model, _Recorded):
        return model.said
    return f"errors of {listed(model.names)}" if model.names else "no errors"
