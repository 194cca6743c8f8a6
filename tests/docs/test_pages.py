"""The blocks of the site's pages run, and print what the pages show."""

import pytest
from support.pages import DOCS, blocks, run, two_workers, unvarying
from support.processes import ROOT

#: Pages whose blocks are run, as paths in docs/.
PAGES = sorted(
    str(path.relative_to(DOCS))
    for path in [*DOCS.glob("how-to/*.md"), *DOCS.glob("migration/*.md"), DOCS / "scale.md"]
    if any(blocks(path.read_text()))
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
