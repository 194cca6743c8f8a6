"""The doctor: what it finds, and what it says to do."""

import json
from pathlib import Path

import pytest
from support.command_line import basicaer, doctor_report

from jobs.cli.shadows import shadows
from worker.record.connection import connect
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_settings")]  # slow: starts processes


@pytest.mark.parametrize("name", ["jobs.py", "worker.py", "simulator.py", "worker/__init__.py"])
def test_files_that_hide_ours_are_found(tmp_path, monkeypatch, name):
    """A user's file of our package's name stops `basicaer worker`, and the doctor names it."""
    hiding = tmp_path / name
    hiding.parent.mkdir(exist_ok=True)
    hiding.touch()
    monkeypatch.chdir(tmp_path)
    done = basicaer("worker")
    assert done.exit_code == 2
    assert str(tmp_path / Path(name).parts[0]) in done.stderr
    assert Path(name).parts[0] in doctor_report("--url", "redis://127.0.0.1:1")[1]["this folder"][0]["found"]


def test_our_own_tree_hides_nothing(tmp_path):
    """A clone's folders are our packages, and a folder without __init__.py loses to an installed package."""
    (tmp_path / "jobs").mkdir()
    assert shadows(tmp_path) == []
    assert shadows(Path(__file__).parents[4]) == []


def test_the_doctor_finds_what_is_missing(monkeypatch):
    """An unreachable Redis ends the report with 3, without its password; a misspelt setting is named."""
    monkeypatch.setenv("BASICAER_LEESE", "3")
    code, checks = doctor_report("--url", "redis://me:s3cret@127.0.0.1:1/0")
    assert code == 3
    assert [check["outcome"] for check in checks["cluster"]] == ["missing"]
    assert "redis://127.0.0.1:1/0" in checks["cluster"][0]["found"]
    assert "s3cret" not in json.dumps(checks)
    assert [check for check in checks["settings"] if "BASICAER_LEESE" in check["found"]]


def test_the_doctor_says_what_to_do(monkeypatch, tmp_path, idle_url):
    """Of each check that is not right; of what loses jobs, the command that mends it."""
    monkeypatch.setenv("BASICAER_QQQQQ_ZZZZZ_XXXXX", "3")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "worker.py").touch()
    with connect(Settings(url=idle_url)) as client:
        before = client.config_get("maxmemory-policy")["maxmemory-policy"]
        client.config_set("maxmemory-policy", "allkeys-lru")
        _, there = doctor_report("--url", idle_url)
        client.config_set("maxmemory-policy", before)
        client.config_set("requirepass", "secret")
        _, locked = doctor_report("--url", idle_url)
        client.config_set("requirepass", "")
    _, away = doctor_report("--url", "redis://127.0.0.1:1/0")
    said = {
        "settings": (there, "BASICAER_QQQQQ_ZZZZZ_XXXXX is no setting, and changes nothing: unset it"),
        "cluster": (there, "jobs can be lost: redis-cli CONFIG SET maxmemory-policy noeviction"),
        "workers": (there, "start one with BASICAER_URL and `basicaer worker`"),
        "this folder": (there, "worker.py would be imported in place of ours: rename it, or work elsewhere"),
    }
    for name, (checks, text) in said.items():
        assert any(text in check["found"] for check in checks[name] if check["outcome"] == "note"), checks[name]
    assert "start it, or correct --url or BASICAER_URL" in away["cluster"][0]["found"]
    assert away["workers"][0]["found"] == "unknown until Redis answers"
    assert "write user and password as in redis://USER:PASSWORD@HOST" in locked["cluster"][0]["found"]


def test_the_doctor_reports_a_setting_that_cannot_be_used(monkeypatch):
    """A setting of a wrong form is a finding, with the variable and what it takes; not a crash."""
    monkeypatch.setenv("BASICAER_LEASE", "soon")
    code, checks = doctor_report()
    assert code == 3
    assert "BASICAER_LEASE" in checks["settings"][-1]["found"]


def test_the_doctor_starts_nothing(monkeypatch, tmp_path):
    """Looking for an embedded cluster makes none, and writes no file."""
    monkeypatch.setenv("BASICAER_STATE_DIR", str(tmp_path / "state"))
    code, checks = doctor_report()
    assert code == 0
    assert "not running" in checks["cluster"][0]["found"]
    assert not (tmp_path / "state").exists()
