"""Short ids: what a screen shows of an id, in which no other is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Characters that a screen shows of an id at least: of a random one, and of one that a user chose.
_SHOWN, _SHOWN_OF_NAME = 8, 20
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def short_ids(job_ids: Iterable[str]) -> dict[str, str]:
    """Return the beginning of each id that tells it from the others, and is as long as `short_id`."""
    ordered = sorted(set(job_ids))
    short = {}
    for before, job_id, after in zip(["", *ordered], ordered, [*ordered[1:], ""], strict=False):
        alike = max(_common(before, job_id), _common(job_id, after))
        short[job_id] = job_id[: max(alike + 1, len(short_id(job_id)))]
    return short


def short_id(job_id: str) -> str:
    """Return what is shown of an id where no other stands beside it: 8 letters, 20 of one that a user chose."""
    return job_id[: _SHOWN if _RANDOM.fullmatch(job_id) else _SHOWN_OF_NAME]


def _common(one: str, other: str) -> int:
    length = 0
    for mine, its in zip(one, other, strict=False):
        if mine != its:
            break
        length += 1
    return length
