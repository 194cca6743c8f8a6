"""The packages of this tree beside those of another revision, in turns: `make bench-against REV=<commit>`.

Each side is a child process that has its own packages; the other revision has two, so that what it shows against
itself in the same rounds is the scatter. Ratios are of runs of one round. A row is slower (or faster) if the lower
quartile of its ratios is above (the upper below) all that lies between the scatter's quartiles, and 1; such a row
is measured again, in more rounds, since of many rows some would seem so by chance.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.common import families, machine
from worker.cluster.redis_server import find_redis_server

_ROOT = Path(__file__).parents[2]
_CHILD = Path(__file__).with_name("child.py")
_ROUNDS = 9
#: Seconds that the runs of one child in one round take, at least, unless one run takes longer,
_ENOUGH = 0.03
#: but not more runs than this.
_MOST = 200


class Side:
    """A child process that runs cases with the packages of one tree; for a ``with`` block."""

    def __init__(self, tree: Path, folder: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(tree), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        environment = {name: value for name, value in environment.items() if not name.startswith("BASICAER_")}
        self._process = subprocess.Popen(
            [sys.executable, str(_CHILD), str(families.__file__)],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        hello = self._ask({})
        if Path(hello["packages"]) != tree:
            raise RuntimeError(f"{tree} was asked for, but {hello['packages']} was imported")
        self.names: list[str] = hello["names"]

    def __enter__(self) -> Side:  # noqa: PYI034 (Self came with Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        # It ends when there are no more requests.
        self._process.communicate(timeout=60)

    def seconds(self, case: str, times: int, *, cpu: bool) -> float:
        """Return the seconds of one run, the median of so many."""
        return float(self._ask({"case": case, "times": times, "cpu": cpu})["seconds"])

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the child has no pipes")
        print(json.dumps(request), file=self._process.stdin, flush=True)
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the child ended with code {self._process.wait()}; the lines above say why")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True)
class Row:
    """What one case took: ratios of each round."""

    name: str
    old_seconds: float
    #: This tree's time over the other revision's.
    ratios: Sequence[float]
    #: The other revision's time in its second process over that in its first.
    scatter: Sequence[float]

    @property
    def verdict(self) -> str:
        """Say whether the row is slower or faster beyond the scatter."""
        (low, _, high), (least, _, most) = statistics.quantiles(self.ratios), statistics.quantiles(self.scatter)
        return "slower" if low > max(1, most) else "faster" if high < min(1, least) else ""

    def line(self) -> str:
        """Return the row as it is printed."""
        quartiles = [
            "{1:5.2f} ({0:.2f} to {2:.2f})".format(*statistics.quantiles(each))
            for each in (self.ratios, self.scatter)
        ]
        return f"{self.name:28} {1e3 * self.old_seconds:10.3f}  {quartiles[0]:22} {quartiles[1]:22} {self.verdict}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="against", description=__doc__)
    parser.add_argument("revision", help="of the other tree, as git names it")
    parser.add_argument("--only", default="", help="words, by commas: cases whose name has one of them")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="of each case, at least 2")
    parser.add_argument("--cpu", action="store_true", help="CPU time, but of jobs: for a machine with other work")
    options = parser.parse_args()
    machine.give_threads(machine.cores())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="basicaer-against-")))
        old = folder / "old"
        _extract(options.revision, old)
        # The same server for both, where the other revision would look for another.
        server = find_redis_server().path
        (folder / server.name).symlink_to(server)
        sides = [stack.enter_context(Side(tree, folder)) for tree in (old, old, _ROOT)]
        words = options.only.split(",")
        names = [name for name in sides[0].names if any(word in name for word in words)]
        print(f"{'case':28} {'old ms':>10}  {'new / old':22} {'old / old':22}")
        rows = []
        for row in _measured(sides, names, options.rounds, cpu=options.cpu):
            rows.append(row)
            print(row.line(), flush=True)
    print(_summary(rows))


def _extract(revision: str, folder: Path) -> None:
    """Write the packages of a revision into a folder."""
    git = shutil.which("git")
    if git is None:
        raise SystemExit("git is needed to read the other revision")
    command = [git, "-C", str(_ROOT), "archive", revision, "jobs", "worker", "simulator"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _measured(sides: Sequence[Side], names: Sequence[str], rounds: int, *, cpu: bool) -> Iterator[Row]:
    """Yield the rows; one that is slower or faster is measured anew, in three times the rounds."""
    for name in names:
        # The first run makes the case and fills caches; the second says how long one takes.
        for side in sides:
            side.seconds(name, 1, cpu=cpu)
        longest = max(side.seconds(name, 1, cpu=False) for side in sides)
        times = max(1, min(_MOST, math.ceil(_ENOUGH / longest)))
        row = _row(sides, name, rounds, times, cpu=cpu)
        yield _row(sides, name, 3 * rounds, times, cpu=cpu) if row.verdict else row


def _row(sides: Sequence[Side], name: str, rounds: int, times: int, *, cpu: bool) -> Row:
    """Run one case; in each round the sides begin in another order."""
    seconds: list[dict[int, float]] = []
    for number in range(rounds):
        order = [(number + side) % len(sides) for side in range(len(sides))]
        seconds.append({side: sides[side].seconds(name, times, cpu=cpu) for side in order})
    first, again, new = ([each[side] for each in seconds] for side in range(len(sides)))
    return Row(
        name,
        statistics.median(first + again),
        [mine / base for mine, base in zip(new, first, strict=True)],
        [other / base for other, base in zip(again, first, strict=True)],
    )


def _summary(rows: Sequence[Row]) -> str:
    slower = [row.name for row in rows if row.verdict == "slower"]
    faster = [row.name for row in rows if row.verdict == "faster"]
    mean = statistics.geometric_mean(statistics.median(row.ratios) for row in rows) if rows else math.nan
    return (
        f"\n{len(rows)} rows, geometric mean of new / old {mean:.3f}; "
        f"slower beyond the scatter: {', '.join(slower) or 'none'}; faster: {', '.join(faster) or 'none'}"
    )


if __name__ == "__main__":
    main()
