"""The tree in docs/architecture.md is the tree of the packages."""

import re

import pytest
from support.processes import ROOT

PACKAGES = ("simulator", "worker", "jobs")
PAGE = (ROOT / "docs" / "architecture.md").read_text()
#: A room, as "simulator/plan/", or under it a module, as "  planner.py"; then its sentence.
LINE = re.compile(r"(?P<indent> *)(?P<name>[\w./]+) +(?P<sentence>\S.*)")


def lines():
    """What each line of the tree names, as a path from the root, and its sentence."""
    block = re.search(r"## The tree\n.*?```\n(.*?)```", PAGE, re.DOTALL)[1]
    room = ""
    for line in filter(None, block.splitlines()):
        found = LINE.fullmatch(line)
        assert found, line
        room = room if found["indent"] else found["name"]
        yield (room + found["name"] if found["indent"] else room), found["sentence"]


def rooms_and_modules():
    """What is there: folders with an `__init__`, their other modules, and folders of other files."""
    for package in PACKAGES:
        for folder in [ROOT / package, *(path for path in (ROOT / package).rglob("*") if path.is_dir())]:
            if folder.name != "__pycache__":
                yield f"{folder.relative_to(ROOT)}/"
        for module in (ROOT / package).rglob("*.py"):
            if module.name != "__init__.py":
                yield str(module.relative_to(ROOT))


def test_every_module_is_named_once():
    """Each room and each module has one line in the tree, and nothing else has one."""
    named = [name for name, _ in lines()]
    there = set(rooms_and_modules())
    assert (there - set(named), set(named) - there) == (set(), set()), "not in the page, or gone from the tree"
    assert len(named) == len(there), "named twice"


def test_every_line_says_what_is_there():
    """No two modules are told apart by their name alone."""
    sentences = [sentence for _, sentence in lines()]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize(
    "page",
    [
        "docs/architecture.md",
        "docs/engine.md",
        "docs/reliability.md",
        "CONTRIBUTING.md",
        "RELEASING.md",
        "SECURITY.md",
    ],
)
def test_what_the_pages_name_is_there(page):
    """A path to a file that a page names in backquotes leads there."""
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*/(?:[\w-]+\.\w+)?)`", (ROOT / page).read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []
