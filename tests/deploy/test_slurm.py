"""Workers as an array job of Slurm's, which runs here for real on one node."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.circuits import bell, endless
from support.patience import deadline, setting
from support.processes import ROOT, RedisServer, eventually
from support.slurm import Slurm

from jobs import BasicAerProvider

SCRIPT = ROOT / "deploy" / "slurm" / "basicaer-workers.sbatch"


@pytest.fixture
def folder():
    # Short: a unix socket's path has at most 104 bytes.
    folder = Path(tempfile.mkdtemp(prefix="basicaer-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.rule(34)
@pytest.mark.timeout(240)  # Slurm counts time limits in minutes, and looks at them twice a minute
def test_workers_of_an_array_drain_at_their_time_limit(folder):
    """A task runs jobs; before its limit it hands back what goes on, and ends well; the next one takes that up."""
    with ExitStack() as stack:
        server = RedisServer(folder).start()
        stack.callback(server.stop)
        provider = BasicAerProvider(server.url)
        stack.callback(provider.close)
        slurm = Slurm(folder, stack).start()
        (folder / "url").write_text(f"{server.url}\n")
        array = slurm.submit(
            SCRIPT, "--array=1-2%1", "--cpus-per-task=1", "--mem=512M", "--time=1", "--signal=B:TERM@45",
            BASICAER_URL_FILE=str(folder / "url"), BASICAER_BIN=str(Path(sys.executable).parent),
            BASICAER_LEASE=str(setting(5)),
        )  # fmt: skip
        short = provider.get_backend().run(bell(), seed_simulator=1)
        long = provider.get_backend().run(endless())
        assert set(short.result(timeout=deadline(60)).get_counts()) == {"00", "11"}
        (name,) = short.usage().by_worker
        assert name.startswith("slurm-")
        (node,) = provider.workers()
        assert (node.slots, node.threads) == (1, 1)
        assert node.memory <= 512 * 9 // 10 << 20

        def words():
            return [entry.event for entry in long.logs() if entry.shard is not None]

        eventually(lambda: words() == ["claimed", "released", "claimed"], within=90, what="the next task's turn")
        first, second = (slurm.task(array, index) for index in (1, 2))
        assert (first["JobState"], first["ExitCode"], second["JobState"]) == ("COMPLETED", "0:0", "RUNNING")
        workers = [entry.worker for entry in long.logs() if entry.shard is not None]
        assert workers[0] == workers[1] != workers[2]
        with provider.connection.reaching() as session:
            assert session.store.read(long.job_id()).lapses == 0
        long.cancel()
