"""What was found of the last program that a function was asked about, for the next time it is asked.

One run asks the same of a program several times: whether a method can run it, how long that takes, and then its
plan. The program is known by identity, since to compare it with another would take as long as to look at it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

Program = TypeVar("Program")
Found = TypeVar("Found")
Rest = ParamSpec("Rest")


class _Remembered(Generic[Program, Found]):
    """A function that knows what it found last."""

    def __init__(self, find: Callable[..., Found]) -> None:
        self._find = find
        #: In one tuple, which threads read and write at once: the program, what else was asked, what was found.
        self._last: tuple[Any, tuple[Any, ...], Found] | None = None

    def __call__(self, program: Program, *rest: Any, **uncompared: Any) -> Found:
        last = self._last
        if last is not None and last[0] is program and last[1] == rest:
            return last[2]
        found = self._find(program, *rest, **uncompared)
        self._last = program, rest, found
        return found

    def forget(self) -> None:
        self._last = None


_EVERY: list[_Remembered[Any, Any]] = []


def remembered(
    find: Callable[Concatenate[Program, Rest], Found],
) -> Callable[Concatenate[Program, Rest], Found]:
    """Let a function know what it found last; of its arguments, those by name do not change what it finds."""
    made = _Remembered[Program, Found](find)
    _EVERY.append(made)
    return cast("Callable[Concatenate[Program, Rest], Found]", made)


def forget() -> None:
    """Forget all programs, and what was found of them."""
    for each in _EVERY:
        each.forget()
