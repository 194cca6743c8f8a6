"""The structure that the architecture promises."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest
from support.patience import deadline
from support.processes import ROOT


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


@pytest.mark.parametrize("package", ["jobs", "worker", "simulator", "jobs.lowering"])
def test_what_is_shown_of_a_package(package):
    """`dir` and `help` of a package, and completion, show its public names, and nothing it imports for itself."""
    code = f"import {package} as package, pydoc; print(*dir(package)); print(pydoc.render_doc(package))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    shown, _, described = done.stdout.partition("\n")
    module = importlib.import_module(package)
    loaded = {name for name in shown.split() if not name.startswith("__")}
    submodules = {each.name for each in pkgutil.iter_modules(module.__path__)}
    assert set(module.__all__) <= loaded <= {*module.__all__, *submodules}
    assert all(name in described for name in module.__all__)
    assert "import_module" not in described
