"""`basicaer metrics` answers Prometheus from the record; what `deploy/monitoring` asks for is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML
from support.circuits import bell, dividing_by_zero, endless
from support.command_line import basicaer
from support.patience import deadline
from support.processes import ROOT, Worker, end, eventually, missing, started

from worker.settings import Settings

pytest.importorskip("prometheus_client")
from prometheus_client.parser import text_string_to_metric_families

from jobs.metrics.exporter import ClusterCollector
from worker.record.connection import connect
from worker.record.store import Store
from worker.runtime.admission import total_memory

OWNER = Settings.from_env().owner
MONITORING = ROOT / "deploy" / "monitoring"


@pytest.fixture(scope="module")
def ask(server, workers, tmp_path_factory):
    """A function that returns the samples of `basicaer metrics` by name and labels."""
    log = tmp_path_factory.mktemp("metrics") / "log"
    command = [str(Path(sys.executable).with_name("basicaer")), "metrics", "--url", server.url, "--port", "0"]
    with log.open("wb") as out, started(command, env=os.environ, stdout=out, stderr=subprocess.STDOUT) as process:
        said = eventually(lambda: re.search(r"at (http://\S+)", log.read_text()), within=30, what="its address")

        def samples():
            with urllib.request.urlopen(said[1], timeout=deadline(20)) as answer:
                text = answer.read().decode()
            return {
                (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }

        yield samples
        end(process, 15)


@pytest.mark.slow
def test_a_cluster_is_measured(provider, workers, ask):
    """Jobs that end, fail, run and wait are counted for their owner; workers are there with their slots."""
    before = ask()
    backend = provider.get_backend()
    backend.run(bell()).result()
    backend.run(dividing_by_zero()).wait_for_final_state(timeout=deadline(30))
    jobs = [backend.run(endless()) for _ in range(4)]
    eventually(lambda: ask().get(("basicaer_running_shards", OWNER)) == 2, what="two runs")
    now = ask()

    def grew(*sample):
        return now.get(sample, 0) - before.get(sample, 0)

    for job in jobs:
        job.cancel()
    assert now["basicaer_up",] == 1 and now["basicaer_workers",] == 2
    assert now["basicaer_waiting_jobs", OWNER, "basicaer"] == 2
    assert now["basicaer_waiting_oldest_seconds", OWNER, "basicaer"] > 0
    assert grew("basicaer_jobs_ended_total", "DONE") == 1
    assert grew("basicaer_jobs_ended_total", "ERROR") == 1
    assert grew("basicaer_errors_total", "ProgramRuntimeError") == 1
    assert grew("basicaer_simulated_seconds_total", OWNER) > 0
    assert grew("basicaer_job_qubits_bucket", "2.0") == grew("basicaer_job_qubits_count") == 6
    assert grew("basicaer_job_qubits_bucket", "1.0") == 5
    assert now["basicaer_store_bytes",] > 0
    assert {labels[1] for labels in now if labels[0] == "basicaer_worker_slots"} == {each.name for each in workers}


@pytest.mark.slow
def test_the_dashboard_and_the_alerts_ask_for_what_there_is(provider, ask):
    """Each metric that a panel or a rule names is one that is answered."""
    provider.get_backend().run(dividing_by_zero()).wait_for_final_state(timeout=deadline(30))
    there = {name for name, *_ in ask()}
    there |= {"basicaer_waiting_jobs", "basicaer_waiting_oldest_seconds", "basicaer_running_shards"}
    rules = YAML(typ="safe").load(MONITORING / "alerts.yml")["groups"][0]["rules"]
    panels = json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]
    asked = [rule["expr"] for rule in rules] + [each["expr"] for panel in panels for each in panel["targets"]]
    names = {name for expression in asked for name in re.findall(r"\bbasicaer_\w+", expression)}
    assert names and names <= there
    alerts = {rule["alert"] for rule in rules}
    page = (ROOT / "docs" / "how-to" / "monitor.md").read_text()
    explained = set(re.findall(r"^\| `(BasicAer\w+)` \|", page, re.MULTILINE))
    assert alerts == explained


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "config", "compose.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_the_rules_do_what_they_say(command):
    """Prometheus's own tool takes the configuration, and its tests of the rules pass."""
    promtool = shutil.which("promtool") or missing("no promtool on PATH: install Debian's prometheus")
    done = subprocess.run(
        [promtool, *command], cwd=MONITORING, capture_output=True, text=True, timeout=deadline(60), check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def node(quiet_server, tmp_path):
    """A node of one slot that answers Prometheus."""
    quiet_server.client().flushall()
    worker = Worker(quiet_server.url, tmp_path, name="measured", level=(), BASICAER_METRICS="0").ready()
    yield worker
    worker.stop()


def node_metrics(url):
    with urllib.request.urlopen(url, timeout=deadline(20)) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples
    }


@pytest.mark.slow
@pytest.mark.rule(43)
def test_a_node_measures_itself(quiet, quiet_server, node, tmp_path):
    """It counts how its runs ended, deaths too, and says its memory; one that cannot listen works all the same."""
    said = r"metrics of this node: (http://127\.0\.0\.1:(\d+)/metrics)"
    url, port = eventually(lambda: re.search(said, node.log.read_text()), what="its address").groups()
    backend = quiet.get_backend()
    backend.run(bell()).result(timeout=deadline(30))
    backend.run(dividing_by_zero()).wait_for_final_state(timeout=deadline(30))

    def has(number, *sample):
        eventually(lambda: node_metrics(url)[sample] == number, what=f"{number} in {sample}")

    cancelled = backend.run(endless())
    has(1, "basicaer_node_busy_slots")
    cancelled.cancel()
    has(1, "basicaer_node_runs_total", "returned")
    killed = backend.run(endless())
    has(1, "basicaer_node_busy_slots")
    for child in psutil.Process(node.process.pid).children():
        child.kill()
    has(1, "basicaer_node_runs_total", "died")
    killed.cancel()
    now = node_metrics(url)
    assert [now["basicaer_node_runs_total", end] for end in ("done", "failed")] == [1, 1]
    assert now["basicaer_node_slots",] == 1 and now["basicaer_node_outage_seconds",] == 0
    assert now["basicaer_node_simulated_seconds_total",] > 0
    assert now["basicaer_node_resident_bytes",] > 0
    assert 0 < now["basicaer_node_memory_bytes",] < total_memory()

    other = Worker(quiet_server.url, tmp_path, name="second", level=(), BASICAER_METRICS=port)
    try:
        other.ready()
        reason = f"no metrics: cannot listen on 127.0.0.1 port {port}"
        eventually(lambda: reason in other.log.read_text(), what="a word of it")
    finally:
        other.stop()


def test_without_redis_it_says_so():
    """A record that cannot be read is an answer, which an alert is about; not an error of the exporter's."""
    settings = Settings.from_env("redis://127.0.0.1:1/0", {"BASICAER_CONNECT_TIMEOUT": "0.2"})
    (family,) = ClusterCollector(Store.of(connect(settings), settings)).collect()
    assert (family.name, family.samples[0].value) == ("basicaer_up", 0)


def test_an_address_that_cannot_be_is_refused():
    """One line and exit code 2."""
    done = basicaer("metrics", "--address", "192.0.2.1", "--port", "9")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "cannot listen on 192.0.2.1 port 9" in done.stderr
