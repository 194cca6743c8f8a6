"""Jobs, shards and workers beside their peers, in one run: ratios of medians of runs that took turns.

`make bench-scale` runs it, which takes some minutes; `make bench-scale ARGS='--only jobs,shards'` a part of it.
Whether both sides' answers agree is looked at first. Every row is printed as soon as it is measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from benchmarks.common import machine
from benchmarks.common.site import end_at_sigterm
from benchmarks.scale import fairness, many_circuits, overhead, sampled_noise, second_worker
from benchmarks.scale.rows import HEADER, Row, summary

#: Rounds -> rows.
Section: TypeAlias = Callable[[int], Iterator[Row]]
SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "jobs": overhead.jobs,
        "lists": many_circuits.lists,
        "sweeps": many_circuits.sweeps,
        "workers": second_worker.workers,
        "dynamic": second_worker.dynamic,
        "frames": sampled_noise.frames,
        "trajectories": sampled_noise.trajectories,
        "shards": overhead.shards,
        "fairness": fairness.fairness,
    }
)
_ROUNDS = 5


def main() -> None:
    """Measure and print."""
    end_at_sigterm()
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="that count, of each row")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the raw figures go")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := [name for name in chosen if name not in SECTIONS]:
        parser.error(f"{', '.join(unknown)}: not among {', '.join(SECTIONS)}")
    threads = machine.cores()
    machine.give_threads(threads)
    described = machine.description(threads)
    _print(", ".join(f"{name} {value}" for name, value in described.items()))
    _print(HEADER)
    rows: list[Row] = []
    try:
        for name in chosen:
            for row in _rows(name, options.rounds):
                rows.append(row)
                _print("\n".join(row.lines()))
    finally:
        _print(f"\n{summary(rows)}")
        if options.json:
            figures = {"machine": described, "rows": [row.raw() for row in rows]}
            options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _rows(name: str, rounds: int) -> Iterator[Row]:
    """Yield a section's rows; what goes wrong in it is a row, and the next section is measured."""
    try:
        yield from SECTIONS[name](rounds)
    except Exception as error:  # noqa: BLE001 (the row says it)
        problem = f"{type(error).__name__}: {error}"
        yield Row(section=name, name=name, figure=lambda _: 0.0, unit="x", wanted=None, problem=problem)


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
