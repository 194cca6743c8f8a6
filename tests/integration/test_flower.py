"""Flower, started for real, shows what became of jobs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest
from support.circuits import bell, dividing_by_zero, endless
from support.patience import deadline
from support.processes import ROOT, end, eventually, started

pytest.importorskip("flower")


@pytest.fixture(scope="module")
def flower(server, workers, provider, tmp_path_factory):
    """Flower on a free port; yields a function that asks its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def api(path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        with contextlib.suppress(OSError), urllib.request.urlopen(request) as answer:
            return json.load(answer)
        return None

    def shows_jobs_of_all():
        provider.get_backend().run(bell()).result()
        shown = (api("/api/tasks") or {}).values()
        # It knows the name of a task from the event of its beginning.
        return {task["worker"] for task in shown if task["name"]} == {worker.name for worker in workers}

    command = [sys.executable, "-m", "celery", "-A", "worker", "flower", "--address=127.0.0.1", f"--port={port}"]
    env = os.environ | {"BASICAER_URL": server.url, "FLOWER_UNAUTHENTICATED_API": "true"}
    log = tmp_path_factory.mktemp("flower") / "log"
    with (
        log.open("wb") as out,
        started(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        eventually(lambda: api("/api/workers?refresh=1"), within=30, what="Flower's workers")
        # Flower turns the workers' events on, one after the other, a few seconds after its start.
        eventually(shows_jobs_of_all, within=20, what="a job of each worker in Flower")
        yield api
        end(process, 15)


def test_shows_jobs(provider, flower):
    """Part 9: Flower's API shows a finished, a failed and a cancelled job under the jobs' own ids."""
    backend = provider.get_backend()
    done, failed, cancelled = backend.run(bell()), backend.run(dividing_by_zero()), backend.run(endless())
    done.wait_for_final_state(timeout=deadline(20))
    failed.wait_for_final_state(timeout=deadline(20))
    eventually(cancelled.running, what="RUNNING")
    cancelled.cancel()

    expected = {done: "SUCCESS", failed: "FAILURE", cancelled: "REVOKED"}

    def states():
        tasks = flower("/api/tasks") or {}
        return {job: tasks.get(job.job_id(), {}).get("state") for job in expected}

    eventually(lambda: states() == expected, within=15, what=f"{states()}")
    task = flower("/api/tasks")[failed.job_id()]
    assert task["name"] == "worker.run_shard"
    assert "zero" in task["exception"]


def test_shows_workers(workers, flower):
    """Part 9: Flower lists the workers with their queue."""
    listed = flower("/api/workers?refresh=1")
    for worker in workers:
        assert [queue["name"] for queue in listed[worker.name]["active_queues"]] == ["basicaer"]


def test_revokes(provider, flower):
    """Invariant 14: Flower's revoke cancels the job."""
    job = provider.get_backend().run(endless())
    eventually(job.running, what="RUNNING")

    assert flower(f"/api/task/revoke/{job.job_id()}?terminate=true", method="POST")

    eventually(job.cancelled, what="CANCELLED")
