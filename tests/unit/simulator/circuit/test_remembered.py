"""What was found of a program is found again, as long as it is asked of the same program and in the same way."""

from __future__ import annotations

import gc
import weakref

import pytest

from simulator.circuit.remembered import forget, remembered


class Subject:
    """What is equal to every other of its kind."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subject)

    __hash__ = None  # type: ignore[assignment]


def test_the_same_question_is_answered_once() -> None:
    """A subject is known by identity, what else is asked by value, and what is given by name does not matter."""
    asked: list[tuple[object, int]] = []

    @remembered
    def found(subject: object, number: int, *, unit: int = 1) -> int:
        asked.append((subject, number))
        return number * unit

    one, other = Subject(), Subject()
    assert [found(one, 2), found(one, 2, unit=7), found(one, 3), found(other, 3), found(one, 3)] == [2, 2, 3, 3, 3]
    assert [number for _, number in asked] == [2, 3, 3, 3]


def test_an_error_is_not_remembered() -> None:
    """The next time, it is raised again."""

    @remembered
    def found(_: object) -> int:
        raise ValueError

    subject = Subject()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            found(subject)


def test_what_is_forgotten_takes_no_memory() -> None:
    """Neither the subject nor what was found of it."""

    @remembered
    def found(subject: Subject) -> list[Subject]:
        return [subject]

    subject = Subject()
    found(subject)
    gone = weakref.ref(subject)
    del subject
    assert gone() is not None
    forget()
    gc.collect()
    assert gone() is None
