"""Rows of `make bench-scale`: a figure made of the medians of runs that took turns, beside what was wanted."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from benchmarks.common.machine import disturbance

HEADER = f"{'measured':<58} {'wanted':>10} {'medians':>9} {'best':>9}"
#: Contender -> seconds, to the figure.
Figure: TypeAlias = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured, and what was wanted of it."""

    section: str
    name: str
    figure: Figure
    #: "x" for ratios, which shall be at least ``wanted``; "ms" for times, which shall be at most that. None: the
    #: figure is for the reader only.
    unit: str
    wanted: float | None
    #: Contender -> seconds of each run.
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    #: What a reader should know beside the times.
    notes: tuple[str, ...] = ()
    #: Cores that others used meanwhile, on average; None where it is not known.
    others: float | None = None
    #: Why there is no figure, if there is none.
    problem: str = ""

    def value(self, of: Callable[[Sequence[float]], float] = statistics.median) -> float | None:
        """Return the figure, made of one number a contender; None if nothing ran."""
        if not self.seconds or self.problem:
            return None
        return self.figure({name: of(runs) for name, runs in self.seconds.items()})

    @property
    def verdict(self) -> str:
        """Return whether the medians reach what was wanted; on a machine that others use nothing does."""
        found = self.value()
        if found is None or self.wanted is None:
            return ""
        if not (found >= self.wanted if self.unit == "x" else found <= self.wanted):
            return "short"
        return "disturbed" if disturbance(self.others) else "reached"

    def lines(self) -> list[str]:
        """Return the row as it is printed."""
        if self.problem:
            return [f"{self.name:<58} NO FIGURE: {self.problem}"]
        wanted = "-" if self.wanted is None else f"{'>=' if self.unit == 'x' else '<='} {self._text(self.wanted)}"
        figures = f"{self._text(self.value()):>9} {self._text(self.value(min)):>9}"
        times = ", ".join(f"{name} {statistics.median(runs):.3f} s" for name, runs in self.seconds.items())
        rounds = len(next(iter(self.seconds.values()), ()))
        return [
            f"{self.name:<58} {wanted:>10} {figures}  {self.verdict}".rstrip(),
            *(
                f"    {note}"
                for note in (f"{times}; {rounds} rounds", *self.notes, disturbance(self.others))
                if note
            ),
        ]

    def raw(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "section": self.section,
            "name": self.name,
            "unit": self.unit,
            "wanted": self.wanted,
            "medians": self.value(),
            "best": self.value(min),
            "verdict": self.verdict,
            "seconds": {name: list(runs) for name, runs in self.seconds.items()},
            "notes": list(self.notes),
            "others": self.others,
            "problem": self.problem,
        }

    def _text(self, value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}{'x' if self.unit == 'x' else ' ms'}"


def summary(rows: Sequence[Row]) -> str:
    """Return how many figures are reached, and which are not."""
    verdicts = [row.verdict for row in rows]
    parts = [f"{verdicts.count(verdict)} {verdict}" for verdict in ("reached", "short", "disturbed")]
    short = [row.name for row in rows if row.verdict == "short"]
    without = [row.name for row in rows if row.problem]
    ends = f"short: {', '.join(short) or 'none'}; without a figure: {', '.join(without) or 'none'}"
    return f"{', '.join(parts)}; {ends}"


def slope(points: Mapping[float, float]) -> float:
    """Return the slope of the straight line nearest to points, x -> y (least squares)."""
    x_mean = statistics.fmean(points)
    y_mean = statistics.fmean(points.values())
    spread = sum((x - x_mean) ** 2 for x in points)
    return sum((x - x_mean) * (y - y_mean) for x, y in points.items()) / spread
