"""The bar of a job's progress: on a terminal, in a notebook, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
import types

import pytest
from rich.console import Console
from support.circuits import bell, wide
from support.command_line import BASICAER
from support.patience import deadline
from support.processes import ROOT, started

from jobs.follow.progress import Progress
from jobs.follow.progress_bar import progress_bar


def on_a_terminal(*command: str, read=lambda sent: None, ends: int = 0, **variables: str) -> tuple[str, str]:
    """Run a command whose stderr is a terminal; return its stdout, and what the terminal was sent.

    ``read`` is called with what was sent until then, each time that there is more.
    """
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "120"} | variables
    with started(command, stdout=subprocess.PIPE, stderr=theirs, text=True, env=env, cwd=ROOT) as run:
        os.close(theirs)
        sent = b""
        # At the other end's close, Linux raises EIO.
        with contextlib.suppress(OSError):
            while more := os.read(ours, 1 << 16):
                sent += more
                read(sent.decode(errors="replace"))
        os.close(ours)
        assert run.wait(deadline(60)) == ends, sent
        return run.stdout.read(), sent.decode()


def test_on_a_terminal(provider, server):
    """`result(progress=True)` shows state, shards and percent, and leaves the last of it."""
    code = (
        "import sys; from jobs import BasicAerProvider; job = BasicAerProvider().job(sys.argv[1]);"
        "print(len(job.result(progress=True).results))"
    )
    job = provider.get_backend().run([wide("a"), wide("b")])
    out, sent = on_a_terminal(sys.executable, "-c", code, job.job_id(), BASICAER_URL=server.url)
    assert out == "2\n"
    last = re.sub(r"\x1b\[[0-9;?]*\w", "", sent).rstrip().splitlines()[-1]
    assert re.search(rf"{job.job_id()[:8]}  DONE .* 2/2 shards  100% 0:00:\d\d", last)


def test_of_a_command(quiet, quiet_server):
    """`basicaer result` shows a bar on a terminal while it waits; nothing of it comes to stdout."""
    job = quiet.get_backend().run([wide("a"), wide("b"), wide("c")])

    def read(sent):
        if "0/3 shards" in sent:
            job.cancel()

    out, sent = on_a_terminal(BASICAER, "result", job.job_id(), "--url", quiet_server.url, read=read, ends=1)
    assert f"{job.job_id()[:8]}  QUEUED" in sent
    assert "was cancelled" in sent
    assert out == ""


def test_elsewhere(provider, capfd):
    """Where neither a terminal nor a notebook looks, nothing is printed."""
    assert provider.get_backend().run([bell()]).result(progress=True).success
    assert capfd.readouterr() == ("", "")


def test_in_a_notebook(monkeypatch):
    """In a notebook the bar is one output, HTML and text, which changes in place; a job's id is no markup."""
    shown, updates, texts = [], [], []

    class Output:
        def update(self, data, *, raw):
            assert raw
            updates.append(data["text/html"])
            texts.append(data["text/plain"])

    def display(data, *, raw, display_id):
        assert raw
        assert display_id
        shown.append(data)
        return Output()

    notebook = types.ModuleType("IPython.display")
    notebook.display = display
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    monkeypatch.setattr(Console, "is_jupyter", True, raising=False)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    with progress_bar("a<b") as show:
        show("RUNNING", Progress(0, 1, 0.0))
        show("RUNNING", Progress(1, 4, 0.3))
    assert shown == [{"text/plain": "a<b", "text/html": "<code>a&lt;b</code>"}]
    assert texts[1].startswith("a<b  RUNNING  1/4 shards   30%")
    assert updates[0].startswith("<progress></progress> <code>a&lt;b  RUNNING    0%")
    assert updates[1].startswith('<progress value="0.3"></progress> <code>a&lt;b  RUNNING  1/4 shards   30%')


@pytest.mark.parametrize(
    ("progress", "text"),
    [(Progress(2, 3, 2 / 3), "2 of 3 shards, 67%"), (Progress(1, 1, 1.0), "1 of 1 shards, 100%")],
)
def test_in_words(progress, text):
    """`str` of a progress is a line."""
    assert str(progress) == text
