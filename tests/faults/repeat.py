"""Run the tests of faults again and again: ``repeat.py FOLDER TIMES``.

FOLDER keeps a log of each round, and how many were green; so what was broken off, or was red and is mended, goes
on with the round it was at. One at a time.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def main(folder: Path, times: int) -> str:
    """Run what is left of so many rounds; return how it ended, and raise `SystemExit` at the first red one."""
    count = folder / "green"
    green = int(count.read_text()) if count.exists() else 0
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("it runs already") from None
        for number in range(green + 1, times + 1):
            log = folder / f"{number}.log"
            with log.open("w") as out:
                command = [
                    sys.executable,
                    "-m",
                    "pytest",
                    str(TESTS),
                    "-n",
                    "3",
                    "--dist",
                    "loadgroup",
                    "-q",
                    "-x",
                    "--long",
                ]
                done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                raise SystemExit(f"round {number} of {times} is red: {log}")
            count.write_text(str(number))
            print(f"round {number} of {times} is green", flush=True)  # noqa: T201 (its report)
    return f"{max(green, times)} rounds are green"


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2])))  # noqa: T201 (its report)
