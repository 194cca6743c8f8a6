"""The structure that the architecture promises."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from patience import deadline
from processes import ROOT


def test_directions_of_imports():
    """jobs -> worker -> simulator; only jobs imports Qiskit; the simulator knows neither Celery nor Redis."""
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, timeout=deadline(60), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("package", "public"),
    [
        ("jobs", {"BasicAerProvider", "BasicAerJob", "LocalCluster", "lower", "BasicAerError"}),
        ("worker", {"app"}),
        ("simulator", {"Program", "run"}),
    ],
)
def test_exported_names(package, public):
    """Each package's __all__ names what is public, and each name is there."""
    module = importlib.import_module(package)
    assert public <= set(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
    assert list(module.__all__) == sorted(module.__all__)
