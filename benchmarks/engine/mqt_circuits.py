"""Circuits that nobody here wrote: those of mqt.bench, on its algorithm level, on our engine and on Aer.

Final measurements are left off, and the state is computed; circuits that measure on the way run to counts. Each
circuit has a process and a time of its own, so one that takes too long, or ends badly, costs its own row only.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from mqt.bench import get_benchmark_alg
from mqt.bench.benchmarks import get_available_benchmark_names
from qiskit import QuantumCircuit

from benchmarks.common import agreement
from benchmarks.common.machine import Watch, disturbance
from benchmarks.common.rounds import Contender
from benchmarks.engine import ours, peers

_WIDTHS = (8, 16, 22)
_SHOTS = 1000
#: Seconds that a circuit has.
_LIMIT = 20.0
#: Rounds that a circuit gets after its first, as far as they begin in half its time.
_ROUNDS = 5
#: In the order of a round.
_CONTENDERS = ("ours", "Aer")
#: What a process does once both have run and the answers have been compared.
_MEASURING = "measuring"
_FORMAT = "{:<26} {:>3} {:<6} {:>10} {:>10} {:>9} {:>12}  {}"
_HEADER = _FORMAT.format("mqt.bench", "n", "of", "Aer ms", "ours ms", "Aer/ours", "transpile ms", "").rstrip()


@dataclass(slots=True)
class Row:
    """What is known of one circuit; it fills up while the circuit's process reports."""

    name: str
    width: int
    #: "state" or "counts".
    of: str = ""
    #: Contender -> seconds of each run.
    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _CONTENDERS})
    #: Seconds that Qiskit took to transpile for Aer; not part of Aer's time. Ours has lowering in its time.
    transpiling: float | None = None
    #: What the process was at last about to do, and since when on the monotonic clock.
    doing: str = "generating"
    since: float = field(default_factory=time.monotonic)
    #: Cores that other processes used during the rounds, on average.
    others: float | None = None
    #: What went wrong, if something did.
    problem: str = ""
    #: Contender -> seconds after which its first run was ended.
    ended: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Return how many times as long as ours Aer takes; None while their answers are not known to agree."""
        theirs, own = (self.median(name) for name in ("Aer", "ours"))
        return None if theirs is None or own is None or self.doing != _MEASURING else theirs / own

    @property
    def disagrees(self) -> bool:
        """Whether the two gave different answers: then no time is shown."""
        return self.problem.startswith(agreement.DisagreementError.__name__)

    def median(self, name: str) -> float | None:
        """Return the median of a contender's seconds; None if it has not run."""
        return statistics.median(self.seconds[name]) if self.seconds[name] else None

    def raw(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {**asdict(self), "ratio": self.ratio}

    def __str__(self) -> str:
        aer, own, transpiling = (
            "-" if self.disagrees or seconds is None else f"{1e3 * seconds:.3f}"
            for seconds in (self.median("Aer"), self.median("ours"), self.transpiling)
        )
        remark = self.problem or disturbance(self.others)
        return _FORMAT.format(
            self.name, self.width, self.of, aer, own, self._ratio(), transpiling, remark
        ).rstrip()

    def _ratio(self) -> str:
        """Return the ratio; a bound of it where one of the two was ended."""
        theirs, own = self.median("Aer"), self.median("ours")
        if own is not None and "Aer" in self.ended:
            return f">{self.ended['Aer'] / own:.1f}x"
        if theirs is not None and "ours" in self.ended:
            return f"<{theirs / self.ended['ours']:.2f}x"
        return "-" if self.ratio is None else f"{self.ratio:.1f}x"


def measured(threads: int, widths: Sequence[int] | None, show: Callable[[str], None]) -> list[Row]:
    """Measure every circuit at 8, 16 and 22 qubits, or at these widths; show each row as it comes."""
    show(_HEADER)
    rows = []
    for width in widths or _WIDTHS:
        for name in get_available_benchmark_names():
            rows.append(_row(name, width, threads))
            show(str(rows[-1]))
    show(_summary(rows))
    return rows


def _row(name: str, width: int, threads: int) -> Row:
    """Measure a circuit. If ours takes too long, Aer is measured by itself."""
    row = Row(name, width)
    _run(row, threads, _CONTENDERS)
    if "ours" in row.ended:
        problem, row.problem = row.problem, ""
        _run(row, threads, ("Aer",))
        row.problem = "; ".join(filter(None, (problem, row.problem)))
    return row


def _run(row: Row, threads: int, names: Sequence[str]) -> None:
    """Measure contenders in a process of their own, which is killed when its time is over."""
    # A fork has everything imported. It is safe here: this process itself never runs a contender, so it has no
    # threads of theirs.
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_reporting, args=(there, row.name, row.width, threads, names))
    child.start()
    there.close()
    deadline = time.monotonic() + _LIMIT
    try:
        while here.poll(max(0.0, deadline - time.monotonic())):
            for key, value in here.recv().items():
                _note(row, key, value)
        _note_end(row)
    except EOFError:
        child.join()
        if child.exitcode:
            row.problem = f"its process ended with {child.exitcode} while {row.doing}"
    finally:
        child.kill()
        child.join()
        here.close()


def _note(row: Row, key: str, value: Any) -> None:
    """Put what the process reported into the row."""
    if key in row.seconds:
        row.seconds[key].append(value)
        return
    setattr(row, key, value)
    if key == "doing":
        row.since = time.monotonic()


def _note_end(row: Row) -> None:
    """Say where a process was when its time was over; once it measures, that is no matter."""
    if row.doing == _MEASURING:
        return
    row.problem = f"over {_LIMIT:.0f} s while {row.doing}, so the answers are not compared"
    for name in _CONTENDERS:
        if row.doing == f"running {name}":
            row.ended[name] = time.monotonic() - row.since


def _reporting(connection: Connection, name: str, width: int, threads: int, names: Sequence[str]) -> None:
    """Run in the process: report what is being done, and each figure, by the fields of the row."""
    try:
        for report in _reports(get_benchmark_alg(name, width), threads, names):
            connection.send(report)
    except Exception as error:  # noqa: BLE001 (the row says it)
        connection.send({"problem": f"{type(error).__name__}: {error}".splitlines()[0]})


def _reports(circuit: QuantumCircuit, threads: int, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    begin = time.monotonic()
    unmeasured = circuit.remove_final_measurements(inplace=False)
    sampled = _is_dynamic(unmeasured)
    yield {"of": "counts" if sampled else "state", "doing": "transpiling for Aer"}
    start = time.perf_counter()
    aer = peers.aer_counts(circuit, threads, _SHOTS) if sampled else peers.aer_state(unmeasured, threads)
    yield {"transpiling": time.perf_counter() - start}
    own = ours.counts(circuit, _SHOTS) if sampled else ours.state(unmeasured)
    contenders = [contender for contender in (own, aer) if contender.name in names]
    answers: dict[str, Any] = {}
    for contender in contenders:
        yield {"doing": f"running {contender.name}"}
        seconds, answers[contender.name] = contender.timed()
        yield {contender.name: seconds}
    if len(contenders) < len(_CONTENDERS):
        return
    yield {"doing": "comparing"}
    agreement.check_answers(answers, circuit.num_qubits, "double")
    if not sampled and circuit.num_qubits <= agreement.WHOLE_STATES_UP_TO:
        _, full = peers.aer_full(unmeasured, threads).timed()
        states = {"ours": ours.ordered(unmeasured, "double"), "Aer": full}
        agreement.check_answers(states, circuit.num_qubits, "double")
    yield {"doing": _MEASURING}
    watch = Watch()
    yield from _rounds(contenders, peers.pause(circuit.num_qubits), until=begin + _LIMIT / 2)
    yield {"others": watch.others()}


def _rounds(contenders: Sequence[Contender], pause: float, until: float) -> Iterator[dict[str, Any]]:
    for _ in range(_ROUNDS):
        if time.monotonic() > until:
            return
        for contender in contenders:
            time.sleep(pause)
            yield {contender.name: contender.timed()[0]}


def _is_dynamic(circuit: QuantumCircuit) -> bool:
    """Whether a circuit without its final measurements still measures, resets, or decides."""
    return any(
        instruction.is_control_flow() or instruction.operation.name in {"measure", "reset"}
        for instruction in circuit.data
    )


def _summary(rows: Sequence[Row]) -> str:
    ratios = {(row.name, row.width): ratio for row in rows if (ratio := row.ratio) is not None}
    slower = [f"{name} n={width} ({ratio:.2f}x)" for (name, width), ratio in ratios.items() if ratio < 1]
    slower += [f"{row.name} n={row.width} (ended)" for row in rows if "ours" in row.ended and row.seconds["Aer"]]
    parts = [f"\n{len(rows)} circuits asked for, {len(ratios)} with a ratio"]
    if ratios:
        parts.append(
            f"geometric mean {statistics.geometric_mean(ratios.values()):.1f}x, least {min(ratios.values()):.2f}x"
        )
    parts.append(f"{sum(bool(disturbance(row.others)) for row in rows)} while others used the machine")
    return f"{'; '.join(parts)}; slower than Aer: {', '.join(slower) or 'none'}"
