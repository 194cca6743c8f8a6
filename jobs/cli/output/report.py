"""A job's result for a person and for a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BitArray, PrimitiveResult, PubResult
from qiskit.result import Result
from rich.console import Console

from jobs.cli.output.bars import print_bars
from jobs.results.saved import plain_data

#: States that are shown of each experiment; one line sums up the others.
_ROWS = 16
#: A wider unitary is told by its shape only.
_WIDEST_MATRIX = 3

#: A method that goes without saying, and a fidelity that does.
_USUAL, _EXACT = "statevector", 1 - 1e-9
#: Of a PUB's metadata, what its line does not show as it is.
_OF_PUBS = frozenset({"circuit_metadata", "simulator_metadata"})


def as_data(result: Result | PrimitiveResult[PubResult]) -> dict[str, Any]:
    """Return a result as plain data; a complex number is ``[real, imaginary]``, a register its counts by point."""
    if isinstance(result, PrimitiveResult):
        return {"metadata": result.metadata, "results": list(map(_pub, result))}
    return {
        "job_id": result.job_id,
        "backend": result.backend_name,
        "success": result.success,
        "results": [_experiment(result, index) for index in range(len(result.results))],
    }


def _experiment(result: Result, index: int) -> dict[str, Any]:
    experiment = result.results[index]
    data = experiment.data.to_dict()
    told: dict[str, Any] = {
        "name": experiment.name,
        "shots": experiment.shots,
        "seed_simulator": experiment.seed_simulator,
        "time_taken": experiment.time_taken,
        "metadata": getattr(experiment, "metadata", None),
    }
    if "counts" in data:
        told["counts"] = dict(result.get_counts(index))
    if "memory" in data:
        told["memory"] = result.get_memory(index)
    for array in {"statevector", "unitary"} & data.keys():
        told[array] = plain_data(data[array])
    if saved := data.keys() - {"counts", "memory", "statevector", "unitary"}:
        told["saved"] = {name: plain_data(data[name]) for name in sorted(saved)}
    return told


def _pub(pub: PubResult) -> dict[str, Any]:
    data = {name: _plain(pub.data[name]) for name in pub.data}
    return {"metadata": pub.metadata, "shape": pub.data.shape, "data": data}


def pub_counts(result: PrimitiveResult[PubResult]) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield a name and the counts of each register of each point; of an estimator's result, nothing."""
    for number, pub in zip(result.metadata.get("pubs", range(len(result))), result, strict=True):
        for name in pub.data:
            values = pub.data[name]
            if isinstance(values, BitArray):
                for point in np.ndindex(values.shape):
                    yield f"PUB {number} {name}{list(point) if point else ''}", values.get_counts(point)


def _plain(values: Any) -> Any:
    if isinstance(values, BitArray):
        return [values.get_counts(point) for point in np.ndindex(values.shape)]
    return np.asarray(values).tolist()


def print_result(console: Console, result: Result | PrimitiveResult[PubResult]) -> None:
    """Print each experiment or PUB: a line about it, then its counts, amplitudes, matrix or values."""
    if isinstance(result, PrimitiveResult):
        for number, pub in enumerate(result.metadata.get("pubs", range(len(result)))):
            _print_pub(console, pub, result[number])
        return
    for index, experiment in enumerate(result.results):
        data = experiment.data.to_dict()
        shots = f"{experiment.shots} shot{'s' if experiment.shots != 1 else ''}"
        seed = f", seed {experiment.seed_simulator}" if experiment.seed_simulator is not None else ""
        how = _how([getattr(experiment, "metadata", None)])
        console.print(
            f"{experiment.name} on {result.backend_name}: {shots}{seed}{how}, {experiment.time_taken:.3f} s",
            style="bold",
            soft_wrap=True,
        )
        if "unitary" in data:
            print_matrix(console, np.asarray(data["unitary"]))
        elif "statevector" in data:
            console.print("  amplitudes: a bar is a probability, |amplitude|^2", style="dim")
            print_amplitudes(console, np.asarray(data["statevector"]))
        for name in sorted(data.keys() - {"counts", "memory", "unitary", "statevector"}):
            console.print(f"  {name}: {_in_short(data[name])}", soft_wrap=True)
        if "counts" in data and ("unitary" in data or "statevector" in data):
            console.print("  counts: a bar is how many shots gave the state", style="dim")
        if "counts" in data:
            print_counts(console, result.get_counts(index))


def _print_pub(console: Console, number: int, pub: PubResult) -> None:
    about = ", ".join(f"{name} {value}" for name, value in pub.metadata.items() if name not in _OF_PUBS)
    how = _how(pub.metadata.get("simulator_metadata", ()))
    console.print(f"PUB {number}: shape {pub.data.shape}, {about}{how}", style="bold", soft_wrap=True)
    for name in pub.data:
        values = pub.data[name]
        points = list(np.ndindex(values.shape))
        for point in points[:_ROWS]:
            place = f"{name}{list(point) if point else ''}"
            if isinstance(values, BitArray):
                console.print(f"  {place}", markup=False)
                print_counts(console, values.get_counts(point))
            else:
                console.print(f"  {place} = {values[point]:.12g}", markup=False, soft_wrap=True)
        if len(points) > _ROWS:
            console.print(f"  and {len(points) - _ROWS} more", style="dim")


def _how(told: Iterable[Mapping[str, Any] | None]) -> str:
    """Return by which methods a result was computed, and how good it is; "" for statevectors, which are usual."""
    how = ""
    for each in told:
        if each and each["method"] != _USUAL:
            how += f", {each['method']}"
            if (fidelity := each.get("estimated_fidelity", 1.0)) < _EXACT:
                how += f" of estimated fidelity {fidelity:.6g}"
    return how


def _in_short(value: Any) -> str:
    """Return numbers as one line shows them, or, of many, how many there are."""
    if isinstance(value, dict):
        value = np.array(list(value.values()))
    values = np.asarray(value)
    if values.size > _ROWS or values.dtype.kind == "c":
        return f"numbers of shape {values.shape}: --json prints all of them"
    return ", ".join(f"{number:.6g}" for number in values.reshape(-1))


def print_counts(console: Console, counts: Mapping[str, int], *, rows: int = _ROWS) -> None:
    """Print counts as bars, the largest first, and sum up those beyond ``rows``."""
    shots = sum(counts.values())
    if not shots:
        console.print("  no counts")
        return
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    digits = len(str(ranked[0][1]))
    print_bars(
        console, [(state, count, f"{count:>{digits}} {count / shots:7.1%}") for state, count in ranked[:rows]]
    )
    if left := ranked[rows:]:
        rest = sum(count for _, count in left)
        console.print(f"  and {len(left)} more: {rest} shots, {rest / shots:.1%}", style="dim")


def print_amplitudes(console: Console, state: NDArray[np.complexfloating]) -> None:
    """Print a statevector's largest amplitudes, shape (2^n,), as bars of their probabilities."""
    probabilities = np.abs(state) ** 2
    # Probabilities that differ by rounding only are listed by index.
    order = np.argsort(-np.round(probabilities, 12), kind="stable")[:_ROWS]
    width = max(len(state).bit_length() - 1, 1)
    shown = [index for index in order if probabilities[index] > 0]
    print_bars(
        console,
        [
            (
                format(index, f"0{width}b"),
                float(probabilities[index]),
                f"{state[index].real:+.4f} {state[index].imag:+.4f}i {probabilities[index]:7.1%}",
            )
            for index in shown
        ],
    )
    left = int(np.count_nonzero(probabilities)) - len(shown)
    if left:
        rest = 1 - float(probabilities[shown].sum())
        console.print(f"  and {left} more amplitudes, {rest:.1%}", style="dim")


def print_matrix(console: Console, matrix: NDArray[np.complexfloating]) -> None:
    """Print a unitary row by row, or its shape where it is large."""
    qubits = len(matrix).bit_length() - 1
    if qubits > _WIDEST_MATRIX:
        console.print(f"  a matrix of {len(matrix)} x {len(matrix)}: --json prints all of it")
        return
    for row in matrix:
        console.print("  " + "  ".join(f"{x.real:+.4f} {x.imag:+.4f}i" for x in row), soft_wrap=True)
