"""docs/runbook.md does what it says: backup and restore, another password, a rolling upgrade."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from qiskit.providers import JobStatus
from support.circuits import bell
from support.faults.farm import Farm, lasting
from support.patience import deadline
from support.processes import ROOT, RedisServer, Worker, eventually, missing

from jobs import BasicAerError, BasicAerProvider

pytestmark = [pytest.mark.slow, pytest.mark.rule(34, 43)]

BACKUP = ROOT / "deploy" / "redis" / "backup"
#: What two versions must have in common to work on the same jobs: the wire, and the layout of the record.
IN_COMMON = ("simulator/shards", "simulator/circuit", "simulator/options.py", "worker/record/keys.py")
#: Commits that are looked at for the earliest that has it.
MOST_COMMITS = 20


@pytest.fixture
def folder():
    # Short: a unix socket's path has at most 104 bytes.
    folder = Path(tempfile.mkdtemp(prefix="basicaer-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def farm(folder):
    with ExitStack() as stack:
        yield Farm(folder, 2.0, stack)


def test_a_backup_has_the_jobs(farm, folder, tmp_path):
    """Copied while Redis runs, and restored elsewhere: results are there, and what waited goes on to its end."""
    if not (shutil.which("redis-cli") or shutil.which("valkey-cli")):
        missing("no redis-cli on PATH: install Debian's redis-tools")
    (worker,) = farm.hire()
    done = farm.run(bell())
    counts = done.result(timeout=deadline(30)).get_counts()
    worker.stop()
    waiting, expected = farm.run(lasting()), farm.expected(1)
    client = "redis-cli" if shutil.which("redis-cli") else "valkey-cli"
    (tmp_path / "redis-cli").symlink_to(shutil.which(client))
    tar = tmp_path / "backup.tar"
    copied = subprocess.run(
        [BACKUP, folder, tar, "-s", farm.redis.socket], capture_output=True, text=True, timeout=deadline(60),
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False,
    )  # fmt: skip
    assert copied.returncode == 0, copied.stderr
    assert farm.client.config_get("auto-aof-rewrite-percentage")["auto-aof-rewrite-percentage"] != "0"
    assert tar.stat().st_mode & 0o77 == 0
    farm.run(bell(), job_id="submitted-later")
    farm.redis.stop()

    (folder / "restored").mkdir()
    _unpack(tar, folder / "restored")
    with ExitStack() as stack:
        restored = RedisServer(folder / "restored").start()
        stack.callback(restored.stop)
        provider = BasicAerProvider(restored.url)
        stack.callback(provider.close)
        assert provider.job(done.job_id()).result().get_counts() == counts
        again = provider.job(waiting.job_id())
        assert again.status() is JobStatus.QUEUED
        assert not provider.jobs(job_tags=["none"]) and len(provider.jobs()) == 2
        other = Worker(restored.url, folder, name="restored").ready()
        stack.callback(other.stop)
        assert [each.data.counts for each in again.result(timeout=deadline(30)).results] == expected


@pytest.mark.rule(37)
def test_a_password_is_changed_while_jobs_run(farm):
    """Two passwords for a while, workers one after the other, then the old one goes: no job has a lapse."""

    def url(password):
        return f"redis+socket://worker:{password}@{farm.redis.socket}?virtual_host=0"

    farm.client.execute_command("ACL", "SETUSER", "worker", "on", ">old", "~*", "&*", "+@all")
    (before,) = farm.hire(url=url("old"))
    first = farm.run(lasting(), lasting())
    farm.client.execute_command("ACL", "SETUSER", "worker", ">new")
    farm.hire(url=url("new"))
    second = farm.run(lasting(), lasting())
    before.process.send_signal(signal.SIGTERM)
    farm.client.execute_command("ACL", "SETUSER", "worker", "<old")
    third = farm.run(lasting())
    for job in (first, second, third):
        farm.check_done(job, lapses=[0])
    before.process.wait(deadline(30))
    with pytest.raises(BasicAerError, match="does not accept the user and password"):
        BasicAerProvider(url("old")).jobs()


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    git = shutil.which("git") or missing("no git on PATH")
    return subprocess.run([git, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def _unpack(tar: Path, folder: Path) -> None:
    with tarfile.open(tar) as archive:
        archive.extractall(folder, filter="data")


@pytest.fixture
def earlier(tmp_path):
    """The earliest commit that has the wire and the layout of this tree, built as a wheel, and unpacked."""
    listed = _git("rev-list", "--first-parent", f"--max-count={MOST_COMMITS}", "HEAD")
    if listed.returncode:
        pytest.skip("this is no clone: there is no earlier commit")
    commits = listed.stdout.split()
    fitting = []
    for commit in commits:
        if _git("diff", "--quiet", commit, "--", *IN_COMMON).returncode:
            break
        fitting.append(commit)
    if not fitting:
        pytest.skip("the wire or the layout of this tree is not committed yet")
    tree, dist, site = (tmp_path / name for name in ("tree", "dist", "site"))
    tree.mkdir()
    assert _git("archive", f"--output={tmp_path / 'tree.tar'}", fitting[-1]).returncode == 0
    _unpack(tmp_path / "tree.tar", tree)
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", dist, tree]
    built = subprocess.run(build, capture_output=True, text=True, timeout=deadline(120), check=False)
    if built.returncode:
        missing(f"no wheel can be built here: {built.stdout[-300:]}")
    (wheel,) = dist.iterdir()
    with zipfile.ZipFile(wheel) as found:
        found.extractall(site)  # noqa: S202 (a wheel that was built here)
    return site


@pytest.mark.timeout(240)
def test_workers_are_upgraded_while_jobs_run(farm, earlier):
    """A worker of an earlier commit's wheel, then this tree's beside it, then that alone: all counts are right."""
    (old,) = farm.hire(cwd=earlier, PYTHONPATH=str(earlier))
    # Its own packages, and not this tree's.
    maps = Path(f"/proc/{old.process.pid}/cwd").resolve() if sys.platform == "linux" else earlier
    assert maps == earlier
    jobs = [farm.run(lasting(1), lasting(1))]
    farm.runner(jobs[0])
    (new,) = farm.hire()
    jobs += [farm.run(lasting(), lasting()) for _ in range(4)]
    eventually(jobs[-1].done, within=30, what="what was submitted to both")
    old.process.send_signal(signal.SIGTERM)
    jobs += [farm.run(lasting()) for _ in range(2)]
    for job in jobs:
        farm.check_done(job, lapses=[0])
    old.process.wait(deadline(30))
    workers = {name for job in jobs for name in job.usage().by_worker}
    assert workers == {old.name, new.name}
