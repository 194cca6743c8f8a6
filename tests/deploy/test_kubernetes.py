"""deploy/kubernetes without a cluster: kubectl builds it, the schemas of Kubernetes and KEDA take it."""

from __future__ import annotations

import shutil
import subprocess

import jsonschema
import kubernetes_validate
import pytest
from ruamel.yaml import YAML
from support.patience import deadline
from support.processes import ROOT, missing

from worker.record import keys
from worker.runtime.drain import PATIENCE
from worker.settings import QUEUE, Settings

FOLDER = ROOT / "deploy" / "kubernetes"
#: What of KEDA's own definition our objects use; what is not named here is refused.
KEDA = {
    "TriggerAuthentication": {
        "type": "object",
        "additionalProperties": False,
        "required": ["secretTargetRef"],
        "properties": {
            "secretTargetRef": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["parameter", "name", "key"],
                    "properties": {name: {"type": "string"} for name in ("parameter", "name", "key")},
                },
            }
        },
    },
    "ScaledObject": {
        "type": "object",
        "additionalProperties": False,
        "required": ["scaleTargetRef", "triggers"],
        "properties": {
            "scaleTargetRef": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {name: {"type": "string"} for name in ("name", "kind", "apiVersion")},
            },
            **{
                name: {"type": "integer", "minimum": 0}
                for name in ("minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod")
            },
            "triggers": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["type", "metadata"],
                    "properties": {
                        "type": {"const": "redis"},
                        "name": {"type": "string", "pattern": "^[a-z]+$"},
                        # KEDA takes texts only.
                        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                        "authenticationRef": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["name"],
                            "properties": {"name": {"type": "string"}},
                        },
                    },
                },
            },
            "advanced": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "scalingModifiers": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["formula", "target"],
                        "properties": {
                            name: {"type": "string"}
                            for name in ("formula", "target", "activationTarget", "metricType")
                        },
                    },
                    "horizontalPodAutoscalerConfig": {"type": "object"},
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def built():
    """What `kubectl apply -k` would send, by kind and name."""
    kubectl = shutil.which("kubectl") or missing("no kubectl on PATH: install Debian's kubernetes-client")
    done = subprocess.run(
        [kubectl, "kustomize", str(FOLDER / "keda")],
        capture_output=True,
        text=True,
        timeout=deadline(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    objects = list(YAML(typ="safe").load_all(done.stdout))
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def container(built, kind, name):
    """The one container of a workload."""
    (found,) = built[kind, name]["spec"]["template"]["spec"]["containers"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_kubernetes_takes_it(built, version):
    """Each object is valid by the schemas of an older and the newest version, which know all that it says."""
    for (kind, _), each in built.items():
        assert each["metadata"]["namespace"] == "basicaer"
        if kind not in KEDA:
            kubernetes_validate.validate(each, version, strict=True)


def test_keda_takes_it(built):
    """Its objects are valid by the part of its definition that is used here, and say what the record says."""
    for (kind, _), each in built.items():
        if kind in KEDA:
            jsonschema.validate(each["spec"], KEDA[kind])
    scaled = built["ScaledObject", "worker"]["spec"]
    assert ("Deployment", scaled["scaleTargetRef"]["name"]) in built
    counted = {trigger["name"]: trigger["metadata"] for trigger in scaled["triggers"]}
    assert {name: each["listName"] for name, each in counted.items()} == {
        "running": keys.LEASED,
        "sent": keys.sent(QUEUE),
    }
    assert set(scaled["advanced"]["scalingModifiers"]["formula"].split(" + ")) == set(counted)
    slots = container(built, "Deployment", "worker")["resources"]["limits"]["cpu"]
    assert scaled["advanced"]["scalingModifiers"]["target"] == str(slots)
    assert {each["listLength"] for each in counted.values()} == {str(slots)}
    for trigger in scaled["triggers"]:
        assert ("TriggerAuthentication", trigger["authenticationRef"]["name"]) in built


@pytest.mark.rule(25)
def test_a_worker_counts_on_what_it_has(built):
    """Its memory is requested as it is limited, its slots are its CPUs, and it has longer to end than a drain."""
    worker = container(built, "Deployment", "worker")
    assert worker["resources"]["requests"] == worker["resources"]["limits"]
    variables = {each["name"]: each for each in worker["env"]}
    assert variables["BASICAER_CONCURRENCY"]["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"
    environ = {
        name: each["value"] for name, each in variables.items() if name.startswith("BASICAER") and "value" in each
    }
    settings = Settings.from_env(environ=environ)
    assert settings.metrics == ("0.0.0.0", worker["ports"][0]["containerPort"])  # noqa: S104 (in its pod)
    assert settings.address == "redis://redis:6379/0"
    pod = built["Deployment", "worker"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 3 * PATIENCE


def test_redis_must_not_forget(built):
    """It appends to a file on a volume, evicts nothing, and has memory to spare for the file's rewriting."""
    conf = dict(
        line.split(None, 1)
        for line in built["ConfigMap", "redis"]["data"]["redis.conf"].splitlines()
        if line[0] != "#"
    )
    assert (conf["appendonly"], conf["maxmemory-policy"], conf["dir"]) == ("yes", "noeviction", "/data")
    redis = container(built, "StatefulSet", "redis")
    assert {"name": "data", "mountPath": "/data"} in redis["volumeMounts"]
    assert redis["resources"]["limits"]["memory"] == "4Gi" and conf["maxmemory"] == "3gb"
    assert built["StatefulSet", "redis"]["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"


@pytest.mark.rule(37)
def test_nothing_is_open_and_no_password_is_written_down(built):
    """Passwords come from the secret; who is not let in by a policy stays out; containers have no rights."""
    assert built["NetworkPolicy", "nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert not any(kind == "Secret" for kind, _ in built)
    for (kind, _), each in built.items():
        if kind == "Service":
            assert each["spec"].get("type", "ClusterIP") == "ClusterIP"
        if kind not in {"Deployment", "StatefulSet"}:
            continue
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        (only,) = pod["containers"]
        assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert only["securityContext"]["readOnlyRootFilesystem"]
        assert "memory" in only["resources"]["limits"]
        passwords = [
            one for one in only["env"] if one["name"] in {"REDIS_PASSWORD", "REDISCLI_AUTH", "FLOWER_PASSWORD"}
        ]
        assert passwords and all("secretKeyRef" in one["valueFrom"] for one in passwords)
