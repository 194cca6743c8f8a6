"""The text of an OpenQASM file, and where things are in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from simulator.circuit.program import MAX_CLBITS, MAX_QUBITS

#: Bytes. A gate is about 20, so this is more of them than can be read in the time that there is.
MAX_BYTES = 1 << 26
#: Brackets in brackets, in OpenQASM 3, whose parser takes ever longer for more.
MAX_NESTING = 200
#: Characters of a reason, at most.
_SHOWN = 400
#: Characters that a reason quotes of the file, at most.
_QUOTED = 30

_COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"[^"\n]*"', re.DOTALL)
_STRING = re.compile(r'"[^"\n]*"')
_LETTER = re.compile(r"[^\n]")
_HEADER = re.compile(r"\s*OPENQASM\s+(?P<major>\d+)(?P<minor>\.\d+)?")
#: What only OpenQASM 3 has: words that begin a statement, hardware qubits, modifiers, `c = measure q`, blocks.
_ONLY_3 = re.compile(
    r"(?:^|[;{}])\s*(?:qubit|bit|bool|u?int|float|angle|complex|duration|stretch|array|const|let|input|output|def"
    r"|extern|cal|defcal|defcalgrammar|for|while|switch|box|gphase|pragma|return|inv|ctrl|negctrl|pow)\b"
    r"|\$\d|@|=\s*measure\b|\bdelay\s*\[|\)\s*\{\s*[^}]|\belse\b|/\*"
)
_STDGATES = re.compile(r'\binclude\s*"stdgates\.inc"')
_REGISTER = {
    "2": re.compile(r"\b(?P<kind>[qc])reg\s+\w*\s*\[\s*(?P<size>\d+)\s*\]"),
    "3": re.compile(r"\b(?P<kind>q|c|b)(?:reg|ubit|it)\b\s*\w*\s*\[\s*(?P<size>\d[\d_]*)\s*\]"),
}
_INDEX = re.compile(r"\[\s*(\d[\d_]*)\s*\]|\$(\d+)")
_BRACKET = re.compile(r"[(\[{]|[)\]}]")
_END = re.compile(r"[;{}]")


class UnreadableCircuitError(Exception):
    """A file that is not a circuit; the text is ``FILE:LINE:COLUMN: reason``, one line."""


@dataclass(frozen=True)
class Source:
    """An OpenQASM file that was read."""

    path: Path
    text: str

    @classmethod
    def of(cls, path: Path) -> Source:
        """Read a file, device or pipe, `MAX_BYTES` of it at most; raises `UnreadableCircuitError`."""
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise refusal(path, None, error.strerror or str(error)) from error
        if len(data) > MAX_BYTES:
            raise refusal(path, None, f"it has more than {MAX_BYTES >> 20} MiB, the most that is read")
        if b"\0" in data:
            raise refusal(path, None, f"not a text file: it has a zero byte at {data.index(0)}")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            # An older encoding, in a comment. Elsewhere the parser says which character it does not know.
            text = data.decode("latin-1")
        return cls(path, text.replace("\r\n", "\n").replace("\r", "\n"))

    @cached_property
    def code(self) -> str:
        """The text with blanks for its comments."""
        return _COMMENT_OR_STRING.sub(lambda found: found[0] if found[0][0] == '"' else _blank(found), self.text)

    @cached_property
    def bare(self) -> str:
        """The text with blanks for its comments and strings."""
        return _STRING.sub(_blank, self.code)

    def language(self) -> str:
        """Return "2" or "3": what the version line says or, where there is none, what is in the file."""
        if not self.bare.strip():
            raise self.refusal(
                0, "nothing is in it: an OpenQASM file begins with `OPENQASM 2.0;` or `OPENQASM 3.0;`"
            )
        header = _HEADER.match(self.bare)
        if header is None:
            return "3" if _ONLY_3.search(self.bare) or _STDGATES.search(self.code) else "2"
        if header["major"] not in _REGISTER:
            version = f"{header['major']:.{_QUOTED}}{header['minor'] or ''}"
            raise self.refusal(header.start("major"), f"OpenQASM {version} is not known; 2.0 and 3.0 are")
        return header["major"]

    def check(self, language: str) -> None:
        """Refuse what would take long, or much memory, to be refused by a parser."""
        totals = {"q": 0, "c": 0}
        for found in _REGISTER[language].finditer(self.bare):
            kind = "q" if found["kind"] == "q" else "c"
            totals[kind] += _number(found["size"])
            limit, bits = (MAX_QUBITS, "qubits") if kind == "q" else (MAX_CLBITS, "classical bits")
            if totals[kind] > limit:
                raise self.refusal(
                    found.start(), f"{found[0]:.60} makes more than {limit} {bits}, the most that there may be"
                )
        for found in _INDEX.finditer(self.bare):
            if _number(found[1] or found[2]) > MAX_CLBITS:
                raise self.refusal(found.start(), f"{found[0]:.{_QUOTED}} is more than there can be: {MAX_CLBITS}")
        depth = 0
        for found in _BRACKET.finditer(self.bare) if language == "3" else ():
            depth += 1 if found[0] in "([{" else -1
            if depth > MAX_NESTING:
                raise self.refusal(found.start(), f"brackets are nested more than {MAX_NESTING} deep")

    def statements(self) -> list[int]:
        """Return where each statement that is in no block ends."""
        return list(self._ends())

    def _ends(self) -> Iterator[int]:
        depth = 0
        for found in _END.finditer(self.bare):
            depth = max(0, depth + {"{": 1, "}": -1, ";": 0}[found[0]])
            if depth == 0:
                yield found.end()

    def until(self, end: int) -> Source:
        """Return the same file, as if it ended here."""
        return replace(self, text=self.text[:end])

    def next_code(self, start: int) -> int:
        """Return where the first thing that is neither blank nor comment is, from here on."""
        return len(self.bare) - len(self.bare[start:].lstrip())

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of a position in the text."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - before.rfind("\n")

    def refusal(self, offset: int, reason: str) -> UnreadableCircuitError:
        """Return an error about this position of the text."""
        return refusal(self.path, self.position(offset), reason)


def refusal(file: Path | str, position: tuple[int, int] | None, reason: str) -> UnreadableCircuitError:
    """Return an error about a file, at this line and column if they are known."""
    shown = " ".join(reason.split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} ..."
    where = "" if position is None else f":{position[0]}:{position[1]}"
    text = f"{file}{where}: {shown}"
    # On one line, in any terminal, and encodable, whatever the file and its name hold.
    return UnreadableCircuitError("".join(each if each.isprintable() else ascii(each)[1:-1] for each in text))


def _number(digits: str) -> int:
    """Return a number, or one that is large enough for any limit."""
    digits = digits.replace("_", "").lstrip("0")
    return int(digits or "0") if len(digits) < _QUOTED else 1 << 64


def _blank(found: re.Match[str]) -> str:
    return _LETTER.sub(" ", found[0])
