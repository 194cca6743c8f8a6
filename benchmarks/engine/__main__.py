"""The engine beside Aer and qulacs: one process, the same threads, in turns; ratios of medians beside the figures.

`make bench-engine` runs it; `make bench-engine ARGS='--only states --families qft --widths 8,12'` a part of it.
Whether the states agree is looked at first, and a case whose contenders disagree has no figure. Every line is
printed as soon as it is measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.common import agreement, machine
from benchmarks.common.rounds import in_turns
from benchmarks.engine import ours, peers
from benchmarks.engine.cases import SECTIONS, TITLES, Case
from benchmarks.engine.floor import Rates, measured
from benchmarks.engine.table import HEADER, Row, summary
from simulator.kernels.threads import use_threads
from simulator.tuning import TUNING

#: From this width on there is no round that is not counted, and from the next on only one that is.
_NO_WARM_UP = 24
_ONE_ROUND = 26
_ROUNDS = 3


def main() -> None:
    """Measure and print."""
    options = _options()
    machine.give_threads(options.threads)
    use_threads(options.threads)
    described = machine.description(options.threads)
    _print(", ".join(f"{name} {value}" for name, value in described.items()))
    if options.mqt:
        from benchmarks.engine import mqt_circuits

        circuits = mqt_circuits.measured(options.threads, options.widths, _print)
        _write(options.json, {"machine": described, "mqt": [row.raw() for row in circuits]})
        return
    watch = machine.Watch()
    rates = measured(options.threads)
    _print(f"rates on {options.threads} threads: {rates}  {machine.disturbance(watch.others())}".rstrip())
    rows: list[Row] = []
    try:
        for section in options.only:
            cases = [case for case in SECTIONS[section](options.wide) if _chosen(case, options)]
            if cases:
                _print(f"\n{section}: {TITLES[section]}\n{HEADER}")
            for case in cases:
                rows.append(_row(case, options.threads, rates))
                _print("\n".join(rows[-1].lines()))
    finally:
        _print(f"\n{summary(rows)}")
        _write(options.json, {"machine": described, "rates": asdict(rates), "rows": [row.raw() for row in rows]})


def _row(case: Case, threads: int, rates: Rates) -> Row:
    """Measure a case. Whatever goes wrong in it is said in its row, and the next case is measured."""
    row = Row(case.section, case.name, case.width, case.precision, case.wanted, wanted_cold=case.wanted_cold)
    try:
        circuit = case.circuit()
        if not case.shots and case.width <= agreement.WHOLE_STATES_UP_TO:
            states = {
                "Aer": peers.aer_full(circuit, threads, case.precision).timed()[1],
                "ours": ours.ordered(circuit, case.precision),
            }
            agreement.check_answers(states, case.width, case.precision)
        contenders = case.contenders(circuit, threads)
        watch = machine.Watch()
        seconds = in_turns(
            contenders,
            check=lambda answers: agreement.check_answers(answers, case.width, case.precision),
            rounds=1 if case.width >= _ONE_ROUND else _ROUNDS,
            warm_up=case.width < _NO_WARM_UP,
            pause=peers.pause(case.width),
        )
        row = replace(row, seconds=seconds, others=watch.others())
        if row.short and not case.shots and case.width > TUNING.narrow_bits:
            work = ours.work(circuit, case.precision)
            row = replace(row, floor=rates.seconds(work, case.width, case.precision))
    except Exception as error:  # noqa: BLE001 (the row says it)
        return replace(row, problem=f"{type(error).__name__}: {error}")
    return row


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engine", description=__doc__)
    parser.add_argument(
        "--threads", type=int, default=machine.cores(), help="of every contender; default: all cores"
    )
    parser.add_argument("--only", type=_among(SECTIONS), default=list(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--families", type=_among(_families()), help=f"of {','.join(_families())}")
    parser.add_argument("--widths", type=_widths, help="numbers of qubits, as in 5,8,20")
    parser.add_argument("--wide", action="store_true", help="26 qubits too; takes a few GiB and minutes")
    parser.add_argument("--mqt", action="store_true", help="the circuits of mqt.bench, instead of the table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the raw figures go")
    return parser.parse_args()


def _families() -> list[str]:
    """Return the families of all sections, each once."""
    return list(dict.fromkeys(case.family for cases in SECTIONS.values() for case in cases(True)))


def _among(known: Iterable[str]) -> Callable[[str], list[str]]:
    names = list(known)

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in names]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(names)}")
        return chosen

    return parse


def _widths(text: str) -> list[int]:
    return [int(width) for width in text.split(",")]


def _chosen(case: Case, options: argparse.Namespace) -> bool:
    return (not options.families or case.family in options.families) and (
        not options.widths or case.width in options.widths
    )


def _write(path: Path | None, figures: dict[str, Any]) -> None:
    if path:
        path.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
