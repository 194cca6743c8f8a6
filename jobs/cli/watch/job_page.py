"""The page of one job: what it is, its log, what it has counted so far, and its circuit."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qiskit.exceptions import QiskitError
from qiskit.primitives import PrimitiveResult, PubResult
from qiskit.result import Result
from rich.text import Text

from jobs.cli.output.bars import bars
from jobs.cli.output.report import pub_counts
from jobs.cli.output.tables import plain
from jobs.cli.output.terminal import STYLES
from jobs.cli.watch.screen import bar
from jobs.follow.durations import duration
from jobs.follow.recorded import RecordedJob
from jobs.follow.summary import JobSummary

if TYPE_CHECKING:
    from jobs.job import BasicAerJob

#: The last lines of the log, and states of the histogram, that are shown.
_LOG, _STATES = 8, 8
#: A wider circuit, or one of more instructions, is not drawn.
_WIDEST, _LONGEST = 20, 400


class JobPage:
    """One job, read anew at each look; its circuit is drawn once."""

    def __init__(self, job: BasicAerJob) -> None:
        self.job = job
        #: Whether it had ended at the last look.
        self.ended = False
        self._drawing: tuple[int, list[str]] | None = None

    def summary(self) -> JobSummary:
        """Return the job as it is now."""
        found = JobSummary.of(RecordedJob(self.job.backend().provider.connection, self.job.job_id()).read())
        self.ended = found.ended is not None
        return found

    def lines(self, now: float, width: int) -> list[Text]:
        """Return the page, as long as it is; ``now`` in Unix seconds."""
        job = self.summary()
        took = job.took(now)
        circuits = f"{job.circuits} circuit{'' if job.circuits == 1 else 's'} of {job.qubits} qubits"
        shots = f", {job.shots} shots" if job.shots else ""
        facts = [
            f"{job.backend}, {circuits}{shots}; of {job.owner}"
            + (f"; tags: {', '.join(job.tags)}" if job.tags else ""),
            f"{bar(job.progress)}   simulated {duration(job.simulated)}"
            + ("" if took is None else f", {duration(took)} since it began"),
        ]
        lines = [
            Text.assemble((plain(job.title), "bold"), f"  {job.id}  ", (job.status, STYLES.get(job.status, ""))),
            *(Text(plain(fact)) for fact in facts),
        ]
        if job.error:
            lines += [Text(plain(line), style="red") for line in job.error.splitlines()]
        for title, part in (
            ("options", self._options(width)),
            ("log", self._log()),
            ("counts so far", self._counts(width)),
            ("circuit", self._circuit(width, job.qubits)),
        ):
            shown = list(part)
            if shown:
                lines += [Text(), Text(title, style="bold"), *(Text(f"  {plain(line)}") for line in shown)]
        return lines

    def _options(self, width: int) -> Iterator[str]:
        try:
            options = self.job.options()
        except QiskitError:
            return
        # What is off, or left to the workers, is not worth a line.
        given = ", ".join(f"{name}={_shown(value)}" for name, value in options.items() if _asks(value))
        yield from textwrap.wrap(given, max(40, width - 4), break_long_words=False)

    def _log(self) -> Iterator[str]:
        try:
            entries = self.job.logs()
        except QiskitError:
            return
        yield from (str(entry).partition(" ")[2] for entry in entries[-_LOG:])

    def _counts(self, width: int) -> Iterator[str]:
        """Yield the histogram of the first circuit that has any counts."""
        try:
            counts = _first_counts(self.job.partial_result())
        except QiskitError:
            return
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_STATES]
        rows = [(state, count, str(count)) for state, count in ranked if state.replace(" ", "")]
        for state, drawn, figures in bars(rows, width=max(40, width - 4), ascii_only=True):
            yield f"{state}  {drawn}  {figures}"

    def _circuit(self, width: int, num_qubits: int) -> list[str]:
        if self._drawing is None or self._drawing[0] != width:
            self._drawing = width, list(self._drawn(width, num_qubits))
        return self._drawing[1]

    def _drawn(self, width: int, num_qubits: int) -> Iterator[str]:
        if num_qubits > _WIDEST:
            # To fetch and rebuild it may take seconds.
            yield f"{num_qubits} qubits: too wide to be drawn"
            return
        try:
            circuit = self.job.circuits()[0]
        except (QiskitError, IndexError):
            return
        if circuit.num_qubits > _WIDEST or circuit.size() > _LONGEST:
            yield f"{circuit.num_qubits} qubits, {circuit.size()} instructions: too large to be drawn"
            return
        yield from str(circuit.draw("text", fold=max(40, width - 4))).splitlines()


def _first_counts(result: Result | PrimitiveResult[PubResult]) -> dict[str, int]:
    if isinstance(result, PrimitiveResult):
        return next((counts for _, counts in pub_counts(result)), {})
    done = [index for index, each in enumerate(result.results) if each.success]
    counts: dict[str, int] = result.get_counts(done[0]) if done else {}
    return counts


def _asks(value: Any) -> bool:
    """Whether an option's value asks for anything."""
    return hasattr(value, "shape") or bool(value)


def _shown(value: Any) -> str:
    return f"an array of shape {value.shape}" if hasattr(value, "shape") else f"{value!r:.40}"
