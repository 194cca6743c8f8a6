"""The documents say what the code does."""

import ast
import os
import re
import subprocess
import sys
from dataclasses import fields
from urllib.parse import unquote

import pytest
from support.command_line import BASICAER
from support.patience import deadline
from support.processes import ROOT

from jobs import LocalCluster
from jobs.cli import main
from jobs.cli.exits import ExitCode
from jobs.submit.options import DEFAULTS
from worker.settings import Settings
from worker.url import invalid_reason

USAGE = (ROOT / "docs" / "usage.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
README = (ROOT / "README.md").read_text()


def first_cells(text):
    """What stands in backquotes in the first column of the tables."""
    return {
        name for line in re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE) for name in re.findall("`(.*?)`", line)
    }


def test_every_setting_is_explained():
    """The table of settings has every variable that is read, and no other."""
    assert {name for name in first_cells(OPERATIONS) if name.startswith("BASICAER_")} == {
        each.metadata["variable"] for each in fields(Settings)
    }


def test_every_option_is_explained():
    """The table of run options has every option of every backend."""
    assert {name for options in DEFAULTS.values() for name in options} <= first_cells(USAGE)


def test_every_command_and_exit_code_is_explained():
    """The tables of the command line have every command and every exit code."""
    assert {name.split()[1] for name in first_cells(USAGE) if name.startswith("basicaer ")} == set(main.commands)
    codes = USAGE[USAGE.index("| exit code") :]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", codes, re.MULTILINE)] == [*ExitCode]


@pytest.mark.parametrize(
    "page", [str(page.relative_to(ROOT)) for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]]
)
def test_links_lead_to_files(page):
    """Every relative link names a file that is there; `make docs` looks for headings, too."""
    for target in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("text", [OPERATIONS, (ROOT / "docs" / "how-to" / "cluster.md").read_text()])
def test_a_password_is_encoded_as_the_documents_say(text):
    """Their command makes of any password what a URL takes."""
    password = "p/a#s?s@w:o%r&d'\" $"  # noqa: S105 (a test's)
    command = re.search(r"python3 -c '.+' \"\$PASSWORD\"", text)[0]
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=os.environ | {"PASSWORD": password},
        capture_output=True,
        text=True,
        check=True,
    )
    assert invalid_reason(f"redis://:{done.stdout.strip()}@first:6379/0") is None
    assert unquote(done.stdout.strip()) == password


def test_the_snippets_of_the_readme_run(tmp_path):
    """Each of the README's blocks of Python is a program that prints: submit, and come back elsewhere."""
    printed = []
    with LocalCluster(workers=1) as cluster:
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", README, re.DOTALL)):
            program = tmp_path / f"block_{number}.py"
            program.write_text(block)
            done = subprocess.run(
                [sys.executable, program], env=os.environ | {"BASICAER_URL": cluster.url, "PYTHONPATH": str(ROOT)},
                capture_output=True, text=True, check=True, timeout=deadline(60),
            )  # fmt: skip
            printed.append(done.stdout)
        command = [BASICAER, "run", "examples/teleportation.qasm", "--seed", "7"]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"BASICAER_URL": cluster.url},
            capture_output=True, text=True, check=True, timeout=deadline(60),
        )  # fmt: skip
    # All but the first line, which has the seconds of the run.
    assert done.stdout.partition("\n")[2].strip() in README
    submitted, found, estimated = printed
    job_id = submitted.split()[0]
    assert re.fullmatch(rf"{job_id} JobStatus\.\w+ {{.*}}\n", submitted)
    assert found == f"{job_id} {submitted[submitted.index('{') :]}"
    assert sum(ast.literal_eval(submitted[submitted.index("{") :]).values()) == 4096
    assert re.fullmatch(r"\S+ -\d\.\d+\n", estimated)
