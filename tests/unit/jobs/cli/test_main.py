"""`basicaer`: the help of each command, and what completes them in a shell."""

import os
import subprocess

import pytest
from support.command_line import BASICAER, basicaer
from support.patience import deadline
from support.processes import ROOT

from jobs.cli import main

pytestmark = pytest.mark.slow  # starts processes


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_help_has_an_example(command):
    """`-h` and `--help` are the same, and end with a line that can be typed."""
    told, same = (basicaer(command, each) for each in ("--help", "-h"))
    assert (told.exit_code, told.stdout) == (0, same.stdout)
    assert f"basicaer {command}" in told.stdout.partition("example:")[2]


def test_a_shell_completes():
    """What `basicaer completion bash` prints asks for commands, and for options of a command."""
    assert "_BASICAER_COMPLETE=bash_complete" in basicaer("completion", "bash").stdout
    for words, expected in (("basicaer st", "status"), ("basicaer jobs --sin", "--since")):
        env = os.environ | {"_BASICAER_COMPLETE": "bash_complete", "COMP_WORDS": words}
        env |= {"COMP_CWORD": str(len(words.split()) - 1)}
        done = subprocess.run(
            [BASICAER], env=env, capture_output=True, text=True, timeout=deadline(60), check=True, cwd=ROOT
        )
        assert done.stdout.split(",")[1].strip() == expected
