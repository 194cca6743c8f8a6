"""Results in files: what a job gave and was, so that it outlives Redis. JSON for any reader, .npz for states.

A document is ``{"format": "basicaer-result", "version": 1, "job": ..., "result": ...}``, with a job's summary and
what `Result.to_dict` gives. An array in it is ``{"dtype": ..., "values": ...}`` in JSON, a complex number
``[real, imaginary]``. In an .npz file the document is the text ``document``, and an array in it is named, as
``{"array": "statevector_0"}``, and lies beside it. A state that was saved says its ``"class"`` besides, and a
distribution is ``{"distribution": ...}``.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import DensityMatrix, Statevector
from qiskit.result import ProbDistribution, Result

from jobs.errors import BasicAerError
from jobs.results.saved import plain_array

SUFFIXES = (".json", ".npz")
_FORMAT, _VERSION = "basicaer-result", 1
#: What of an experiment's data is an array in a class of Qiskit's.
_CLASSES: Mapping[str, type] = MappingProxyType({"Statevector": Statevector, "DensityMatrix": DensityMatrix})

#: From the name of an array and its values to what the document has of it.
_Keep = Callable[[str, NDArray[Any]], dict[str, Any]]


def check_file(path: Path, suffixes: Sequence[str] = SUFFIXES, *, overwrite: bool = False) -> None:
    """Raise `BasicAerError` where no file can be written, before what goes into it is fetched."""
    if path.suffix not in suffixes:
        raise BasicAerError(f"{path}: a result is written to a file named {', '.join(suffixes)}")
    if path.exists() and not overwrite:
        raise BasicAerError(f"{path} is there already: give another name, or --force to write over it")
    if not path.absolute().parent.is_dir():
        raise BasicAerError(f"{path}: there is no folder {path.absolute().parent}")


def save_result(path: Path, result: Result, about: Mapping[str, Any]) -> None:
    """Write a result, and what its job was as JSON data, to a .json or .npz file, all of it or nothing."""
    arrays: dict[str, NDArray[Any]] = {}

    def apart(name: str, values: NDArray[Any]) -> dict[str, Any]:
        arrays[name] = values
        return {"array": name}

    packed = path.suffix == ".npz"
    told = {"job": dict(about), "result": _outgoing(result, apart if packed else _inline)}
    document = json.dumps({"format": _FORMAT, "version": _VERSION} | told)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            if packed:
                everything: dict[str, Any] = {"document": np.array(document), **arrays}
                np.savez_compressed(file, **everything)
            else:
                file.write(document.encode())
        unfinished.replace(path)
    except OSError as error:
        raise BasicAerError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def load_result(path: str | os.PathLike[str]) -> Result:
    """Return the result in a file that ``basicaer export`` wrote; raises `BasicAerError` where it is none."""
    return load_file(Path(path))[1]


def load_file(path: Path) -> tuple[dict[str, Any], Result]:
    """Return what the job of an exported result was, as JSON data, and the result; raises `BasicAerError`."""
    try:
        if path.suffix == ".npz":
            # Arrays only: nothing of a file is executed.
            with np.load(path, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
        else:
            arrays = {"document": np.array(path.read_text("utf-8"))}
        document = json.loads(str(arrays["document"]))
        _check_format(document)
        return document["job"], _incoming(document["result"], arrays)
    except OSError as error:
        raise BasicAerError(f"{path}: {error.strerror or error}") from error
    except (EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise BasicAerError(
            f"{path} is no result that this version can read ({type(error).__name__}: {error!s:.200}): "
            "`basicaer export` writes them"
        ) from error


def _check_format(document: Mapping[str, Any]) -> None:
    if (document["format"], document["version"]) != (_FORMAT, _VERSION):
        raise ValueError(f"its format is {document['format']} {document['version']}")


def _outgoing(result: Result, keep: _Keep) -> dict[str, Any]:
    plain: dict[str, Any] = result.to_dict()
    for index, experiment in enumerate(plain["results"]):
        data = experiment["data"]
        experiment["data"] = {name: _kept(f"{name}_{index}", value, keep) for name, value in data.items()}
    return plain


def _kept(name: str, value: Any, keep: _Keep) -> Any:
    if isinstance(value, np.ndarray):
        return keep(name, value)
    if type(value).__name__ in _CLASSES:
        return keep(name, value.data) | {"class": type(value).__name__}
    return {"distribution": value.hex_probabilities()} if isinstance(value, ProbDistribution) else value


def _incoming(plain: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Result:
    for experiment in plain["results"]:
        data = experiment["data"]
        experiment["data"] = {name: _read(value, arrays) for name, value in data.items()}
    return Result.from_dict(plain)


def _read(told: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    # Counts have keys that begin with 0x.
    if not isinstance(told, dict) or not told.keys() & {"array", "values", "distribution"}:
        return told
    if "distribution" in told:
        return ProbDistribution(told["distribution"])
    values = arrays[told["array"]] if "array" in told else _array(told)
    return _CLASSES[told["class"]](values) if "class" in told else values


def _inline(_: str, values: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": str(values.dtype), "values": plain_array(values)}


def _array(told: Mapping[str, Any]) -> NDArray[Any]:
    values, dtype = np.asarray(told["values"], dtype=float), np.dtype(told["dtype"])
    return (values[..., 0] + 1j * values[..., 1] if dtype.kind == "c" else values).astype(dtype)
