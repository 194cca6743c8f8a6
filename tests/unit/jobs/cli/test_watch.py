"""`basicaer watch`: the screens as lines, the command off a terminal, and its keys on one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from qiskit import QuantumCircuit
from support.circuits import endless
from support.command_line import BASICAER, basicaer
from support.patience import deadline
from support.processes import ROOT, RedisServer, eventually, started

from jobs import BasicAerProvider, LocalCluster
from jobs.cli.watch.screen import View, bar, overview_lines
from jobs.cli.watch.snapshot import Rate, Snapshot, read_snapshot
from jobs.follow.summary import JobSummary
from worker.record.overview import QueueDepth
from worker.record.values import WorkerInfo

WORKERS = [WorkerInfo(f"worker{n}", 2, ("basicaer",), 2 << 30, 1, {}, busy=1, heard=95.0) for n in range(3)]


def jobs_of(number):
    states = ("RUNNING", "QUEUED", "DONE", "ERROR", "CANCELLED")
    return [
        JobSummary(f"{n:08x}-0000-4000-8000-000000000000", "ann", states[n % 5], name=f"circuit {n}", circuits=1,
                   qubits=n, shots=1024, created=1.0, started=50.0, progress=0.35)
        for n in range(number)
    ]  # fmt: skip


def look(jobs, time=100.0, workers=WORKERS, running=None):
    running = running or {"worker0": [(jobs[0].id, 3)]} if jobs else {}
    return Snapshot(time, jobs, len(jobs), QueueDepth(2, 1, 4), workers, running)


def lines(jobs, view=None, size=(80, 24), where="redis://here"):
    view = view or View(chosen=jobs[0].id if jobs else None)
    shown = overview_lines(look(jobs), jobs, view, where=where, rate=1.5, size_of=size)
    return [line.plain.rstrip() for line in shown]


def test_what_the_screen_says():
    """Workers, slots, rate and queue at the head, a line a job and a worker, and the keys at the foot."""
    shown = lines(jobs_of(2))
    assert shown[:2] == [
        "3 workers, 3 of 6 slots busy, 1.5 s simulated a second   redis://here",
        "2 jobs not ended, 4 shards handed out, 2 jobs of 1 owner in line behind",
    ]
    assert shown[3].split() == ["JOB", "STATUS", "CIRCUIT", "QUBITS", "SHOTS", "OWNER", "PROGRESS", "TOOK"]
    assert " ".join(shown[4].split()) == "00000000 RUNNING circuit 0 1024 ann ####...... 35% 50 s"
    assert re.search(r"worker0 +1/2 +2 GiB +5 s ago +00000000/3$", "\n".join(shown), re.MULTILINE)
    assert shown[-1].startswith("up/down choose")
    quiet = [replace(each, silent=each.name == "worker1") for each in WORKERS]
    shown = [
        line.plain
        for line in overview_lines(look([], workers=quiet), [], View(), where="", rate=0, size_of=(80, 24))
    ]
    assert [line.split()[-1] for line in shown if line.startswith("worker")] == ["ago", "silent", "ago"]


@given(st.integers(0, 40), st.integers(50, 160), st.integers(12, 60), st.data())
def test_the_screen_is_never_larger_than_the_terminal(number, columns, height, data):
    """Whatever is chosen among however many jobs, its line is there, and every line fits."""
    jobs = jobs_of(number)
    chosen = data.draw(st.sampled_from(jobs)).id if jobs else None
    shown = lines(jobs, View(chosen=chosen), (columns, height))
    assert len(shown) <= height
    assert max(map(len, shown)) <= columns
    assert chosen is None or any(line.startswith(chosen[:8]) for line in shown)


def test_a_line_that_is_cut_shows_it():
    """As that with the address of the Redis, which may be long."""
    where = "rediss://redis.laboratory.example.org:6379/0?ssl_cert_reqs=required"
    shown = lines(jobs_of(1), where=where)[0]
    assert (len(shown), shown[-20:]) == (80, "iss://redis.labor...")
    assert lines(jobs_of(1), size=(160, 24), where=where)[0].endswith(where)


def test_progress_is_a_bar():
    """Ten cells, and a percentage."""
    assert [bar(each) for each in (0, 0.349, 1)] == [".......... " + "  0%", "###.......  35%", "########## 100%"]


def test_the_rate_is_of_the_last_ten_seconds():
    """What was done before the first look is none of it; nor is what is longer ago."""
    rate = Rate()

    def see(time, seconds):
        return rate.see(look([JobSummary("job", "ann", "RUNNING", simulated=seconds)], time))

    assert [see(0, 100.0), see(2, 103.0), see(4, 108.0)] == [0.0, 1.5, 2.0]
    assert see(30, 108.0) == 0.0


@pytest.fixture(scope="module")
def url():
    with LocalCluster(workers=1) as cluster:
        yield cluster.url


@pytest.fixture
def provider(url, no_settings):
    provider = BasicAerProvider(url)
    yield provider
    provider.close()


@pytest.mark.slow
@pytest.mark.rule(43)
def test_off_a_terminal_it_is_one_look(provider, url, monkeypatch):
    """Running, waiting and ended jobs of all owners, whole ids, and what each worker runs."""
    circuit = QuantumCircuit(1, 1, name="short")
    circuit.measure(0, 0)
    ended = provider.get_backend().run(circuit)
    ended.result(timeout=deadline(30))
    running = provider.get_backend().run(endless("first"), shots=7)
    eventually(running.running, what="the run", within=30)
    monkeypatch.setenv("BASICAER_OWNER", "bob")
    other = BasicAerProvider(url)
    waiting = other.get_backend().run(circuit)
    snapshot = read_snapshot(provider.connection)
    assert [job.id for job in snapshot.jobs][:3] == [running.job_id(), waiting.job_id(), ended.job_id()]
    assert list(snapshot.running.values()) == [[(running.job_id(), 0)]]
    assert snapshot.unfinished == 2
    done = basicaer("watch", url=url)
    assert done.exit_code == 0
    text = done.stdout
    assert re.search(rf"{waiting.job_id()} +QUEUED +short +1 +1024 +bob", text)
    assert re.search(rf"{running.job_id()} +RUNNING +first +1 +7 ", text)
    assert re.search(rf"s ago .*{running.job_id()}/0$", text, re.MULTILINE)
    page = basicaer("watch", running.job_id()[:8], url=url).stdout
    assert "first" in page
    assert "claimed" in page
    running.cancel()
    waiting.result(timeout=deadline(30))
    other.close()
    page = basicaer("watch", waiting.job_id(), url=url).stdout.splitlines()
    assert any(re.fullmatch(r"  0  #+  1024", line) for line in page)
    assert any("q" in line and "M" in line for line in page[page.index("circuit") :])


class Terminal:
    """A command on a terminal of 80 columns and 24 lines: what it was sent, and keys for it."""

    def __init__(self, *command):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {**os.environ, "TERM": "xterm"}
        self.shown = ""
        self._run = started(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=env, cwd=ROOT)
        self.process = self._run.__enter__()
        os.close(theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError):
            while more := os.read(self.ours, 1 << 16):
                self.shown += re.sub(r"\x1b\[[0-9;?]*\w", "", more.decode(errors="replace"))

    def waits_for(self, text):
        eventually(lambda: text in self.shown, within=20, what=f"{text!r} on the screen")
        self.shown = ""

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def end(self):
        code = self.process.wait(deadline(30))
        errors = self.process.stderr.read().decode()
        self._run.__exit__(None, None, None)
        return code, errors


@pytest.mark.slow
@pytest.mark.rule(8)
def test_keys(provider, url):
    """A job is chosen, opened, cancelled after a yes, and filtered away; q ends it."""
    job = provider.get_backend().run(endless("stop_me"))
    screen = Terminal(BASICAER, "watch", "--url", url, "--interval", "0.5")
    screen.waits_for("stop_me")
    screen.press("\r")
    screen.waits_for("q back")
    screen.press("q")
    screen.waits_for("Enter open")
    screen.press("c")
    screen.waits_for(f"Cancel {job.job_id()[:8]}?")
    screen.press("n")
    screen.waits_for("Enter open")
    assert not job.in_final_state()
    screen.press("c")
    screen.waits_for("y: yes")
    screen.press("y")
    screen.waits_for("is cancelled.")
    assert job.cancelled()
    # There is nothing to cancel any more: c asks nothing to which q would be the answer.
    screen.press("\r")
    screen.waits_for("scroll   q back")
    screen.press("c")
    screen.press("q")
    screen.waits_for("Enter open")
    screen.press("f")
    screen.waits_for("shown: unfinished")
    screen.press("q")
    assert screen.end() == (0, "")


@pytest.mark.slow
@pytest.mark.rule(18)
def test_an_outage_is_said_and_over(tmp_path):
    """While Redis is away the screen stays, and says so at its foot; when it is back, the keys are there again."""
    server = RedisServer(tmp_path).start()
    screen = Terminal(BASICAER, "watch", "--url", server.url, "--interval", "0.3")
    screen.waits_for("No worker is up.")
    server.stop()
    screen.waits_for("Cannot reach Redis")
    server.start()
    screen.waits_for("Enter open")
    screen.press("q")
    assert screen.end() == (0, "")
    server.stop()


@pytest.mark.slow
def test_a_run_that_is_watched(url, tmp_path):
    """`run --watch` shows the job's page, goes by itself when the job ends, and prints the result."""
    path = tmp_path / "one.qasm"
    lines = ["rx(0.1) q;", "cx q[0],q[1];"] * 400
    path.write_text(
        'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[18];\ncreg c[18];\n' + "\n".join(lines) + "\nmeasure q->c;\n"
    )
    screen = Terminal(BASICAER, "run", str(path), "--url", url, "--watch", "--shots", "3")
    screen.waits_for("c cancel")
    screen.waits_for("one on qasm_simulator: 3 shots")
    assert screen.end() == (0, "")


@pytest.mark.slow
def test_a_script_monitors_a_job(provider, capfd):
    """`job.monitor()` writes a line for each change off a terminal, and returns how the job ended."""
    job = provider.get_backend().run([endless("a") for _ in range(2)])
    timer = threading.Timer(3, job.cancel)
    timer.start()
    assert job.monitor(timeout=deadline(60)).name == "CANCELLED"
    timer.join()
    lines = capfd.readouterr().err.splitlines()
    assert [line.split()[2].rstrip(",") for line in lines][-1] == "CANCELLED"
    assert all(job.job_id() in line for line in lines)
    assert len(lines) == len(set(lines)) < 25
