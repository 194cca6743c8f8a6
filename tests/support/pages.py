"""Pages of the site as programs: their blocks are run, and print what the pages show.

The blocks of Python of a page are one program, as typed in one session. Lines of ``console`` that begin with ``$``
are commands. What a block of Python prints stands right behind it, in a block of ``text``; what a command prints,
in the lines behind it. The right column of a table of what to type now is code, row by row.
``cd tests && ../.venv/bin/python -m support.pages PAGE...`` writes anew what is printed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support.command_line import basicaer
from support.processes import ROOT, eventually

from jobs import BasicAerProvider, LocalCluster

DOCS = ROOT / "docs"
#: A fenced block, and what stands between it and the one before.
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
#: A command, and what it prints.
_COMMAND = re.compile(r"^\$ (?P<command>.*\n)(?P<shown>(?:(?!\$ ).*\n)*)", re.MULTILINE)
#: What differs from run to run -> what it becomes before two outputs are compared.
_VARIES = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b(?:\d{4}-\d\d-\d\d \d\d:\d\d|\d\d:\d\d:\d\d)\b"), "TIME"),
    (re.compile(r"\b\d+\.\d+ m?s\b"), "SECONDS"),
    (re.compile(r" {2,}"), "  "),  # columns are as wide as what is in them
)


class Block(NamedTuple):
    """A block of Python, or a command of a console, and what it prints by the page."""

    language: str
    text: str
    shown: str
    #: Where in the page what it prints begins and ends.
    begin: int
    end: int


def blocks(page: str) -> list[Block]:
    """Return what is run of a page, in its order."""
    return sorted([*_fenced(page), *_cells(page)], key=lambda block: block.begin)


def _fenced(page: str) -> Iterator[Block]:
    found = list(_BLOCK.finditer(page))
    for match, after in itertools.zip_longest(found, found[1:]):
        if match["language"] == "python":
            behind = after and after["language"] == "text" and not page[match.end() : after.start()].strip()
            begin, end = after.span("text") if behind else (match.end(), match.end())
            yield Block("python", match["text"], page[begin:end], begin, end)
        elif match["language"] == "console":
            for each in _COMMAND.finditer(match["text"]):
                begin, end = (match.start("text") + place for place in each.span("shown"))
                yield Block("console", each["command"], each["shown"], begin, end)


def _cells(page: str) -> Iterator[Block]:
    """Yield the code in the second column of the tables of what to type now, a row each; a row may have none."""
    for table in re.finditer(r"^\| what you typed \| what you type now \|\n.*\n(?:\|.*\n)*", page, re.MULTILINE):
        for row in re.finditer(r"^\| .* \| (?P<now>.*) \|$", table[0], re.MULTILINE):
            code = "\n".join(re.findall(r"`(.*?)`", row["now"]))
            end = table.start() + row.end()
            if code and row["now"].startswith("`"):
                yield Block("python", code, "", end, end)


def run(page: Path) -> Iterator[tuple[Block, str]]:
    """Run a page in this process and the current folder; yield each of its blocks, and what it printed."""
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page.read_text()):
        if block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, page.name, "exec"), names)  # noqa: S102 (a page of ours)
            yield block, printed.getvalue()
        else:
            program, *arguments = shlex.split(block.text)
            assert program == "basicaer", block.text
            yield block, basicaer(*arguments).output


def unvarying(text: str) -> str:
    """Return what is the same in every run of an output: without ids, times and seconds."""
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return text.strip()


def with_outputs(page: Path) -> str:
    """Return the text of a page with what its blocks print now."""
    text = page.read_text()
    pieces, place = [], 0
    for block, printed in run(page):
        shown = printed
        if printed and block.begin == block.end and block.language == "python":
            shown = f"\n\n```text\n{printed}```"
        pieces += [text[place : block.begin], shown]
        place = block.end
    return "".join([*pieces, text[place:]])


@contextlib.contextmanager
def two_workers() -> Iterator[str]:
    """Run a cluster for pages while the block runs; its URL."""
    with LocalCluster(workers=2) as cluster:
        provider = BasicAerProvider(cluster.url)
        eventually(lambda: len(provider.workers()) == 2, within=40, what="two workers")
        provider.close()
        yield cluster.url


def _write(pages: list[Path]) -> None:
    with two_workers() as url, tempfile.TemporaryDirectory() as folder:
        os.environ["BASICAER_URL"] = url
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        os.chdir(folder)
        for page in pages:
            page.write_text(with_outputs(page))


if __name__ == "__main__":
    _write([Path(name).resolve() for name in sys.argv[1:]])
