"""The sdist and the wheel, as a user has them: each in an empty environment outside the clone.

In each, ``basicaer demo`` and README's blocks of Python run, on the Redis that came along: PATH leads to no other.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Seconds that the embedded cluster may take to end after its last client, which waits `BASICAER_LINGER` first.
END = 60


def main() -> int:
    """Build both, and try each."""
    with tempfile.TemporaryDirectory(prefix="installed-") as folder:
        dist = Path(folder, "dist")
        # The wheel is built from the sdist: what that lacks, the wheel lacks.
        subprocess.run(
            [sys.executable, "-m", "build", "--outdir", dist, ROOT], check=True, stdout=subprocess.DEVNULL
        )
        for archive in sorted(dist.iterdir()):
            begun = time.monotonic()
            try_out(archive, Path(folder, archive.suffix.removeprefix(".")))
            print(
                f"{archive.name}: installed, demo and README run, in {time.monotonic() - begun:.0f} s", flush=True
            )
    return 0


def try_out(archive: Path, folder: Path) -> None:
    """Install one archive in an environment of its own, and use it."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    state = folder / "state"
    subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", archive], check=True)
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    settings = {"PATH": str(programs), "BASICAER_STATE_DIR": str(state), "BASICAER_LINGER": "1"}

    def run(program: str, *arguments: str) -> str:
        return subprocess.run(
            [programs / program, *arguments],
            cwd=folder,
            env=kept | settings,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    checks = json.loads(run("basicaer", "doctor", "--json"))
    server = next(check["found"] for check in checks if check["name"] == "Redis server")
    if str(programs.parent.resolve()) not in server:
        raise SystemExit(f"the Redis that was found is not the wheel's: {server}")
    run("basicaer", "demo")
    submit, come_back, _ = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    # Both print the job's id first, and its counts last.
    submitted, found = run("python", "-c", submit), run("python", "-c", come_back)
    if submitted.split()[0] != found.split()[0] or submitted.partition("{")[2] != found.partition("{")[2]:
        raise SystemExit(f"README's job was {submitted}, and then {found}")
    deadline = time.monotonic() + END
    while any(state.rglob("redis.sock")):
        if time.monotonic() > deadline:
            raise SystemExit(f"the embedded cluster still runs {END} s after its last client")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
