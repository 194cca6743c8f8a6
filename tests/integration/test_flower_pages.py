"""`basicaer flower` in a real browser: its pages name jobs, and its buttons cancel them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest
from celery.events.event import get_exchange
from support.circuits import bell, dividing_by_zero, endless, wide
from support.patience import deadline
from support.processes import ROOT, end, eventually, started
from support.secured import free_port

from jobs.manifest import Manifest
from worker.queue.app import make_app
from worker.record.store import Store
from worker.record.values import Record
from worker.settings import Settings

pytest.importorskip("flower")
from jobs.flower.captions import caption_of
from jobs.flower.pages import cancel_job

By = pytest.importorskip("selenium.webdriver.common.by").By
from support.browser import browser as open_browser  # noqa: E402 (it needs Selenium)

pytestmark = pytest.mark.slow
OWNER = Settings.from_env().owner


class Flower:
    """What is known of a Flower: its port, and the password that it has printed."""

    def __init__(self, port, login):
        self.port, self.login = port, login

    def page(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, path, method="GET", *, login=True):
        """Return the status and the text of an answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(self.login.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=deadline(20)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def tasks(self):
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self.ask("/api/tasks")[1])
        return {}


@pytest.fixture(scope="module")
def flower(server, workers, provider, tmp_path_factory):
    port, log = free_port(), tmp_path_factory.mktemp("flower") / "log"
    command = [str(Path(sys.executable).with_name("basicaer")), "flower", "--url", server.url, "--port", str(port)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FLOWER_")}
    with (
        log.open("wb") as out,
        started(command, cwd=ROOT, env=clean, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        said = eventually(
            lambda: re.search(r"User (\S+), password (\S+)\n", log.read_text()) or process.poll(),
            within=30, what="the password",
        )  # fmt: skip
        flower = Flower(port, f"{said[1]}:{said[2]}")

        def shows_jobs_of_all():
            provider.get_backend().run(bell()).result()
            # It knows the name of a task from an event: the workers' events are on.
            return {task["worker"] for task in flower.tasks().values() if task["name"]} == {
                worker.name for worker in workers
            }

        eventually(shows_jobs_of_all, within=30, what=f"a job of each worker in Flower: {log.read_text()[-500:]}")
        yield flower
        end(process, 15)


@pytest.fixture(scope="module")
def window(flower):
    with open_browser() as window:
        # What is typed into the browser's dialog; from here on it knows the password.
        window.get(flower.page("/").replace("//", f"//{flower.login}@"))
        yield window


def _named(circuit, name):
    circuit.name = name
    return circuit


def _text(window, wanted):
    """Return the page's text once ``wanted`` is in it."""

    def shown():
        text = window.find_element(By.TAG_NAME, "body").text
        return text if wanted in text else None

    return eventually(shown, within=15, what=wanted)


def test_a_person_finds_jobs_and_cancels_one(provider, flower, window, tmp_path):
    """A finished, a failed, a cancelled and a running job are told apart by name; Terminate cancels the last."""
    backend = provider.get_backend()
    done = backend.run(_named(bell(), "ghz_2"), shots=4096)
    failed = backend.run(_named(dividing_by_zero(), "divides"))
    for job in (done, failed):
        job.wait_for_final_state(timeout=deadline(20))
    cancelled = backend.run(_named(endless(), "regretted"))
    eventually(cancelled.running, what="RUNNING")
    cancelled.cancel()
    running = backend.run(_named(endless(), "still_going"))
    eventually(running.running, what="RUNNING")
    expected = {done: "SUCCESS", failed: "FAILURE", cancelled: "REVOKED", running: "STARTED"}

    def states():
        tasks = flower.tasks()
        return {job: tasks.get(job.job_id(), {}).get("state") for job in expected}

    eventually(lambda: states() == expected, within=20, what=f"{states()}")

    window.get(flower.page("/tasks"))
    listed = _text(window, "still_going")
    for name in ("ghz_2", "divides", "regretted"):
        assert name in listed
    assert f"qasm · ghz_2 · 2 qubits · 4,096 shots · {OWNER}" in listed
    window.save_screenshot(str(tmp_path / "tasks.png"))

    for job, state in expected.items():
        window.get(flower.page(f"/task/{job.job_id()}"))
        assert state in _text(window, job.job_id())
    page = _text(window, "still_going")
    assert "'shots': 1024" in page and "'qubits'" in page
    window.save_screenshot(str(tmp_path / "running.png"))
    window.find_element(By.ID, "task-terminate").click()
    _text(window, f"Cancelled job {running.job_id()}")
    window.save_screenshot(str(tmp_path / "cancelled.png"))
    eventually(running.cancelled, what="CANCELLED")

    window.get(flower.page(f"/task/{done.job_id()}"))
    assert "'circuit': 'ghz_2'" in _text(window, "seconds")
    window.save_screenshot(str(tmp_path / "done.png"))


def test_a_job_of_many_shards_has_a_page(provider, flower, window):
    """`/task/<job id>` shows the whole, with links to its shards, whose names say which each is."""
    job = provider.get_backend().run([wide(f"wide_{number}") for number in range(3)])
    job.wait_for_final_state(timeout=deadline(60))
    shard = f"{job.job_id()}/0"
    eventually(
        lambda: flower.tasks().get(shard, {}).get("state") == "SUCCESS", within=15, what="a shard in Flower"
    )
    assert re.search(r"wide_0 and 2 more · .* · 1/3$", flower.tasks()[shard]["name"])

    window.get(flower.page(f"/task/{job.job_id()}"))
    page = _text(window, "shards are done")
    assert "wide_0 and 2 more" in page and "SUCCESS" in page
    window.find_element(By.PARTIAL_LINK_TEXT, shard).click()
    assert "'shard': '1 of" in _text(window, "Keyword")


def test_a_job_that_no_worker_knows_is_cancelled(provider, flower):
    """A queued job has a page before any task of it ran, and Terminate cancels it."""
    # Both workers are busy, so the last job waits.
    jobs = [provider.get_backend().run(endless()) for _ in range(4)]
    queued = jobs[-1]
    assert queued.status().name == "QUEUED"
    assert flower.ask(f"/task/{queued.job_id()}")[0] == 200
    for job in jobs:
        code, text = flower.ask(f"/api/task/revoke/{job.job_id()}?terminate=true", method="POST")
        assert code == 200 and "Cancelled" in text
        assert job.status().name == "CANCELLED"


def test_without_workers_flower_cancels(quiet):
    """No worker is up to hear of a revoke: the job is cancelled all the same, and once."""
    job = quiet.get_backend().run(bell())
    with quiet.connection.reaching() as session:
        store = Store(session.store.client)
        assert "Cancelled" in cancel_job(session.app, store, job.job_id())
        assert job.cancelled()
        assert "was CANCELLED already" in cancel_job(session.app, store, job.job_id())


@pytest.mark.parametrize(
    ("backend", "circuits", "shard", "name"),
    [
        ("qasm_simulator", 1, None, "qasm · bell · 2 qubits · 1,024 shots · ann"),
        ("statevector_simulator", 1, None, "statevector · bell · 2 qubits · ann"),
        ("qasm_simulator", 1001, 2, "qasm · bell and 1,000 more · 2 qubits · 1,024 shots · ann · 3/4"),
        ("qasm_simulator", 1001, None, "qasm · bell and 1,000 more · 2 qubits · 1,024 shots · ann · 4 shards"),
    ],
)
def test_captions(backend, circuits, shard, name):
    """A caption says the method, the circuits, their size, whose they are, and which shard it is."""
    manifest = Manifest(backend, "0", circuits, {}, "bell", 2, usual=True)
    assert caption_of(_record(manifest, total=4 if circuits > 1 else 1), shard).name == name


def test_a_job_of_an_earlier_version_has_a_caption():
    """What a description does not say is left out."""
    manifest = Manifest("qasm_simulator", "0", 1, {}, usual=True)
    assert caption_of(_record(manifest, total=1)).name == "qasm · circuit · 1,024 shots · ann"


def _record(manifest, total):
    nothing = dict.fromkeys(("started", "ended", "error_type", "error_text", "traceback"))
    return Record(
        id="job", owner="ann", state="QUEUED", total=total, done=0, bad=0, created=0.0, lapses=0, progress=0.0,
        manifest=msgspec.json.encode(manifest), usage={}, **nothing,
    )  # fmt: skip


def test_a_result_is_answered(provider, flower):
    """`/api/task/result/<id>` has Celery's outcome."""
    job = provider.get_backend().run(_named(bell(), "asked_for"), shots=5)
    job.wait_for_final_state(timeout=deadline(20))
    code, text = flower.ask(f"/api/task/result/{job.job_id()}")
    answer = json.loads(text)
    assert (code, answer["state"], answer["result"]["experiments"]) == (200, "SUCCESS", 1)
    assert (answer["result"]["circuit"], answer["result"]["qubits"], answer["result"]["shots"]) == (
        "asked_for",
        2,
        5,
    )


def test_no_job_of_that_id(flower):
    """A page that is not there says so, whatever was asked for."""
    for task in ("nothing", "no/thing", "%20"):
        assert flower.ask(f"/task/{task}")[0] == 404
    assert "No job" in flower.ask("/api/task/revoke/nothing", method="POST")[1]
    assert flower.ask("/api/task/revoke/%20%20x", method="POST")[0] == 400


@pytest.mark.parametrize("path", ["/", "/tasks", "/api/tasks", "/metrics", "/task/x", "/api/task/result/x"])
def test_nobody_gets_in_without_the_password(flower, path):
    """Any user of the machine reaches the port, and no page."""
    assert flower.ask(path, login=False)[0] == 401


def test_metrics_do_not_name_jobs(flower):
    """A time series for each job would be too many."""
    code, text = flower.ask("/metrics")
    assert code == 200
    assert 'task="worker.run_shard"' in text
    assert "ghz_2" not in text


def test_a_malformed_event_loses_no_other(server, provider, flower):
    """Who may write to Redis may send anything: the job that runs right behind it is shown from its beginning."""
    app = make_app(Settings(url=server.url))
    whole = {"type": "task-started", "uuid": "x", "hostname": "w@x", "clock": 1, "timestamp": 1.0, "utcoffset": 0}
    with app.connection_for_write() as connection:
        producer = connection.Producer(exchange=get_exchange(connection, app.conf.event_exchange))
        for bad in ({}, 5, {"type": 5}, whole | {"clock": "late"}, whole | {"uuid": None}, [whole, None]):
            producer.publish(bad, routing_key="task.started", serializer="json")
    job = provider.get_backend().run(bell())
    job.wait_for_final_state(timeout=deadline(20))
    shown = eventually(lambda: flower.tasks().get(job.job_id()), within=15, what="the job in Flower")
    assert shown["received"] and "bell" in shown["name"]
