"""Histograms in files: counts, or the probabilities of a statevector, drawn by Qiskit with matplotlib."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.cli.exits import ExitCode, give_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qiskit.primitives import PrimitiveResult, PubResult
    from qiskit.result import Result

_FORMATS = (".png", ".pdf", ".svg", ".jpg")
#: States of a circuit that have a bar: the most frequent.
_BARS = 32
#: Bars that have their number above them, at most: more would overlap.
_LABELLED = 16


def check_plot(path: Path) -> None:
    """End the command where no picture can be drawn into this file: before anything is run."""
    if path.suffix.lower() not in _FORMATS:
        give_up(f"--plot {path}: a picture is a file named {', '.join(_FORMATS)}", ExitCode.USAGE)
    if not path.absolute().parent.is_dir():
        give_up(f"--plot {path}: there is no folder {path.absolute().parent}", ExitCode.USAGE)
    if importlib.util.find_spec("matplotlib") is None:
        give_up('matplotlib is not installed: python -m pip install "basicaer-celery[plot]"', ExitCode.UNREACHABLE)


def plot(path: Path, results: Sequence[Result | PrimitiveResult[PubResult]]) -> None:
    """Draw the experiments or points of these results side by side, as far as they have counts or states."""
    # Where there is no screen, and where there is one: a file is drawn, no window.
    os.environ["MPLBACKEND"] = "agg"
    from qiskit.primitives import PrimitiveResult
    from qiskit.quantum_info import Statevector
    from qiskit.visualization import plot_distribution, plot_histogram

    from jobs.cli.output.report import pub_counts

    counts, odds, names = [], [], []
    for result in results:
        if isinstance(result, PrimitiveResult):
            for name, drawn in pub_counts(result):
                names.append(name)
                counts.append(drawn)
            continue
        for index, experiment in enumerate(result.results):
            data = experiment.data.to_dict()
            if "statevector" in data:
                odds.append(Statevector(data["statevector"]).probabilities_dict())
            elif data.get("counts"):
                counts.append(result.get_counts(index))
            else:
                continue
            names.append(experiment.name)
    if not names or (counts and odds):
        give_up(f"{path} is not drawn: it takes counts, or statevectors", ExitCode.USAGE)
    draw = plot_histogram if counts else plot_distribution
    found = counts or odds
    states = max(map(len, found))
    kept = _BARS if states > _BARS else None
    title, legend = (names[0], None) if len(names) == 1 else ("", names)
    if kept is not None:
        title = f"{title}: the {kept} most frequent of {states} states".removeprefix(": ")
    bars = min(states, _BARS) * len(found)
    figure = draw(
        found, figsize=(max(7.0, 0.35 * bars), 5), number_to_keep=kept, title=title, legend=legend,
        sort="value_desc" if kept else "asc", bar_labels=bars <= _LABELLED,
    )  # fmt: skip
    if odds:
        figure.axes[0].set_ylabel("Probability")
    figure.savefig(path, bbox_inches="tight", dpi=120)
