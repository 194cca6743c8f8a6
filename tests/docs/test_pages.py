"""The blocks of the site's pages run, and print what the pages show."""

import ast
import re
from collections.abc import Iterator

import pytest
from support.pages import DOCS, blocks, run, two_workers, unvarying
from support.processes import ROOT

#: Pages whose blocks are run, as paths in docs/.
PAGES = sorted(
    str(path.relative_to(DOCS))
    for path in DOCS.rglob("*.md")
    # The tutorial has a test of its own, and the reference shows fragments.
    if path.name not in {"tutorial.md", "usage.md"} and any(blocks(path.read_text()))
)


@pytest.fixture(scope="module")
def cluster():
    with two_workers() as url:
        yield url


@pytest.fixture
def folder(cluster, tmp_path, monkeypatch):
    """Where a page is run: it has the examples of a clone, and the address of a cluster."""
    monkeypatch.setenv("BASICAER_URL", cluster)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("folder")
def test_the_blocks_of_a_page_run(page):
    """Each block prints what stands behind it, but for ids, times and seconds."""
    for block, printed in run(DOCS / page):
        assert unvarying(printed) == unvarying(block.shown), f"python -m support.pages ../docs/{page}"


def literals() -> Iterator[str]:
    """The texts in the code: strings, of formatted ones what is fixed, and the Lua scripts."""
    for package in ("jobs", "worker", "simulator"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                yield "".join(
                    part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "..."
                    for part in parts
                )
        for path in (ROOT / package).rglob("*.lua"):
            # What is joined over two lines is one text.
            yield re.sub(r'"\s*\.\. "', "", path.read_text())


def test_the_errors_of_troubleshooting_are_ours():
    """Each text in its tables stands in the code, but for what `...` stands for."""
    texts = re.findall(r"^\| `([^`]+)` \|", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert len(texts) > 20
    code = "\n".join(literals())
    pieces = [piece.strip() for text in texts for piece in text.split("...")]
    assert [piece for piece in pieces if piece not in code] == []
