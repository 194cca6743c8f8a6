"""The structure that the architecture promises."""

from __future__ import annotations

import ast
import graphlib
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from support.patience import deadline
from support.processes import ROOT


def test_directions_of_imports():
    """jobs -> worker -> simulator; only jobs imports Qiskit; the simulator knows neither Celery nor Redis."""
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, timeout=deadline(60), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def modules() -> dict[str, Path]:
    """The modules of the three packages by name."""
    files = [file for package in ("jobs", "worker", "simulator") for file in (ROOT / package).rglob("*.py")]
    parts = {file: file.relative_to(ROOT).with_suffix("").parts for file in files}
    return {".".join(each[:-1] if each[-1] == "__init__" else each): file for file, each in parts.items()}


def imported(file: Path, known: Collection[str]) -> set[str]:
    """The known modules that a file imports anywhere: also in a function, and for type checkers only."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in known else node.module or "" for name in names)
    return found & set(known)


def test_no_module_imports_itself_through_others():
    """The modules of the three packages make no circle, and late imports count."""
    files = modules()
    graph = {name: imported(file, files) - {name} for name, file in files.items()}
    graphlib.TopologicalSorter(graph).prepare()


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
    code = (
        f"import {package} as package, pydoc; print(*dir(package)); print(pydoc.plain(pydoc.render_doc(package)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    shown, _, described = done.stdout.partition("\n")
    module = importlib.import_module(package)
    loaded = {name for name in shown.split() if not name.startswith("__")}
    submodules = {each.name for each in pkgutil.iter_modules(module.__path__)}
    assert set(module.__all__) <= loaded <= {*module.__all__, *submodules}
    assert all(name in described for name in module.__all__)
    assert "import_module" not in described
