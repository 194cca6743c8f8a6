"""Rows of figures, as text and as raw data."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.common.machine import disturbance

HEADER = (
    f"{'case':<28} {'n':>3} {'rounds':>6} {'Aer ms':>10} {'ours ms':>10} {'cold ms':>10} "
    f"{'Aer/ours':>8} {'best':>7} {'/cold':>7} {'wanted':>7}  {'':<9} {'qulacs ms':>10} {'q/ours':>7} wanted"
)


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one case."""

    section: str
    name: str
    width: int
    precision: str
    #: Peer -> the least ratio.
    wanted: Mapping[str, float]
    #: Contender -> seconds of each run. "ours" finds its plan kept, "cold" does not.
    seconds: Mapping[str, list[float]] = field(default_factory=dict)
    #: Why there are no figures, if there are none.
    problem: str = ""
    #: Cores that other processes used meanwhile, on average; None where it is not known.
    others: float | None = None
    #: Seconds that the plan takes at least on this machine; None where it was not asked, or cannot be said.
    floor: float | None = None
    #: The least ratio to Aer without a kept plan, where it is another.
    wanted_cold: float | None = None

    def median(self, contender: str) -> float | None:
        """Return the median of a contender's seconds; None if it did not run."""
        return statistics.median(self.seconds[contender]) if self.seconds.get(contender) else None

    def ratio(self, peer: str, ours: str = "ours") -> float | None:
        """Return how many times as long as ours the peer takes, by the medians."""
        theirs, own = self.median(peer), self.median(ours)
        return None if theirs is None or own is None else theirs / own

    def best_ratio(self, peer: str, ours: str = "ours") -> float | None:
        """Return the ratio of the shortest runs: other processes hardly change it, as they do the medians."""
        theirs, own = self.seconds.get(peer), self.seconds.get(ours)
        return min(theirs) / min(own) if theirs and own else None

    def verdict(self, peer: str) -> str:
        """Return whether the figure is reached: whether or not a plan is kept, only where it is, or not at all.

        The medians and the shortest runs both have to reach it, and on a machine that others use nothing does.
        """
        if peer not in self.wanted or not self.seconds:
            return ""
        if not self._reaches(peer, "ours", self.wanted[peer]):
            return "short"
        if disturbance(self.others):
            return "disturbed"
        cold = self.wanted_cold or self.wanted[peer]
        return "reached" if "cold" not in self.seconds or self._reaches(peer, "cold", cold) else "warm only"

    def _reaches(self, peer: str, ours: str, wanted: float) -> bool:
        ratios = self.ratio(peer, ours), self.best_ratio(peer, ours)
        return all(ratio is not None and ratio >= wanted for ratio in ratios)

    @property
    def short(self) -> bool:
        """Whether a figure is not reached."""
        return any(self.verdict(peer) in {"short", "warm only"} for peer in self.wanted)

    def lines(self) -> list[str]:
        """Return the row as it is printed."""
        start = f"{self.name:<28} {self.width:>3} "
        if self.problem:
            return [f"{start}NO FIGURE: {self.problem}"]
        rounds = len(self.seconds["ours"])
        times = " ".join(_milliseconds(self.median(name)) for name in ("Aer", "ours", "cold"))
        line = (
            f"{start}{rounds:>6} {times} {_times(self.ratio('Aer'), 8)} {_times(self.best_ratio('Aer'), 7)} "
            f"{_times(self.ratio('Aer', 'cold'), 7)} {_times(self.wanted.get('Aer'), 7)}  {self.verdict('Aer'):<9}"
        )
        if "qulacs" in self.seconds:
            line += (
                f" {_milliseconds(self.median('qulacs'))} {_times(self.ratio('qulacs'), 7)} "
                f"{_times(self.wanted.get('qulacs'), 6)}  {self.verdict('qulacs')}"
            )
        if disturbed := disturbance(self.others):
            line += f"  {disturbed}"
        own = self.median("ours")
        if self.floor is None or own is None:
            return [line]
        share = f"ours is at {self.floor / own:.0%} of what the machine's rates allow this plan"
        return [line, f"{'':<33}floor {1e3 * self.floor:.2f} ms: {share}"]

    def raw(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        ratios = {peer: self.ratio(peer) for peer in self.wanted}
        best = {peer: self.best_ratio(peer) for peer in self.wanted}
        cold = {peer: self.ratio(peer, "cold") for peer in self.wanted}
        verdicts = {peer: self.verdict(peer) for peer in self.wanted}
        return {**asdict(self), "ratios": ratios, "best_ratios": best, "cold_ratios": cold, "verdicts": verdicts}


def summary(rows: list[Row]) -> str:
    """Return how many figures are reached, and which are not."""
    verdicts = [row.verdict(peer) for row in rows for peer in row.wanted]
    parts = [f"{verdicts.count(verdict)} {verdict}" for verdict in ("reached", "warm only", "short", "disturbed")]
    without = sum(bool(row.problem) for row in rows)
    slower = [f"{row.name} n={row.width}" for row in rows if (row.ratio("Aer") or 1.0) < 1]
    counted = f"{', '.join(parts)}, {without} without a figure"
    return f"{counted}; slower than Aer: {', '.join(slower) or 'none'}"


def _milliseconds(seconds: float | None) -> str:
    return f"{'-':>10}" if seconds is None else f"{1e3 * seconds:>10.3f}"


def _times(ratio: float | None, width: int) -> str:
    return f"{'-' if ratio is None else f'{ratio:.1f}x':>{width}}"
