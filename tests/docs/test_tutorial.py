"""The tutorial, typed as a newcomer types it: two terminals, files, and commands, in its order."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.pages import DOCS, unvarying
from support.patience import deadline
from support.processes import end, eventually

from jobs import BasicAerProvider

PAGE = DOCS / "tutorial.md"
#: A file with the name that stands before it, or the lines of a terminal.
BLOCK = re.compile(
    r"Save this as `(?P<file>\w+\.py)`:\n\n```python\n(?P<text>.*?)^```$|^```console\n(?P<lines>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COMMAND = re.compile(r"^(?P<terminal>\(second\) )?\$ (?P<command>.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.MULTILINE)


class Desk:
    """Two terminals in one folder: the first runs a command after the other, the second keeps one."""

    def __init__(self, folder):
        self.folder = folder
        self.state = folder / "state"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BASICAER_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = clean | {"PATH": path, "BASICAER_STATE_DIR": str(self.state), "BASICAER_LINGER": "3"}
        self.kept = []
        #: What the page shows of the cluster's address, and what it is here.
        self.addresses = ("", "")

    def type(self, command):
        """Return what a command in the first terminal prints."""
        command = command.replace(*self.addresses)
        if setting := re.fullmatch(r"export (\w+)='(.*)'", command):
            self.environment[setting[1]] = setting[2]
            return ""
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.folder, env=self.environment, check=True, text=True,
            stdout=subprocess.PIPE, timeout=deadline(90),
        )  # fmt: skip
        return done.stdout

    def keep(self, command, shown):
        """Start what the second terminal keeps, a cluster, and wait for its workers."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.kept.append(process)
        url = process.stdout.readline().strip()
        self.addresses = shown.strip(), url
        provider = BasicAerProvider(url)
        eventually(lambda: len(provider.workers()) == 2, within=40, what="two workers")
        provider.close()

    def leave(self):
        """End the second terminal, and wait until the cluster of the first has ended."""
        for process in self.kept:
            end(process, signal.SIGINT)
            process.stdout.close()
        eventually(lambda: not any(self.state.rglob("redis.sock")), within=40, what="the end of the cluster")


@pytest.fixture
def desk():
    # pytest's own folders are too long for the path of a socket.
    folder = Path(tempfile.mkdtemp(prefix="basicaer-test-"))
    desk = Desk(folder)
    yield desk
    desk.leave()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_the_tutorial(desk):
    """Each of its files and commands works in its order, and prints what the page shows."""
    commands = 0
    for block in BLOCK.finditer(PAGE.read_text()):
        if block["file"]:
            (desk.folder / block["file"]).write_text(block["text"])
            continue
        for line in COMMAND.finditer(block["lines"]):
            commands += 1
            if line["terminal"]:
                desk.keep(line["command"], line["shown"])
            else:
                assert unvarying(desk.type(line["command"])) == unvarying(line["shown"]), line["command"]
    assert commands == 6
    assert PAGE.read_text().count("```python\n") == len(list(desk.folder.glob("*.py")))
