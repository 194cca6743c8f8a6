"""Sizes for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.sizes import size
from worker.settings import parse_size


@pytest.mark.parametrize(
    ("num_bytes", "down", "up"),
    [
        (0, "0 bytes", "0 bytes"),
        (1000, "1,000 bytes", "1,000 bytes"),
        (1536, "1.5 KiB", "1.5 KiB"),
        (1 << 30, "1 GiB", "1 GiB"),
        ((1 << 30) + 192, "1 GiB", "1.01 GiB"),
        (21_437_005_824, "19.9 GiB", "20 GiB"),
        (192_000_042_896, "178 GiB", "179 GiB"),
        (1 << 80, "1 YiB", "1 YiB"),
    ],
)
def test_a_size_is_in_its_unit(num_bytes: int, down: str, up: str) -> None:
    """A size has the largest unit of which there is one, and three figures: cut off, or rounded up."""
    assert (size(num_bytes), size(num_bytes, up=True)) == (down, up)


@given(st.integers(0, 1 << 49))
def test_what_is_too_much_never_reads_as_if_it_fitted(num_bytes: int) -> None:
    """A demand that is read back is no less than it was, and a limit no more; both are within a hundredth."""
    down, up = (parse_size(text.replace(",", "").replace(" bytes", "")) for text in _both(num_bytes))
    assert num_bytes * 0.99 - 1 <= down <= num_bytes <= up + 1 <= num_bytes * 1.01 + 2


def _both(num_bytes: int) -> tuple[str, str]:
    return size(num_bytes), size(num_bytes, up=True)
