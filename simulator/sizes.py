"""Sizes for people: bytes in the unit that fits them."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_STEP = 1 << 10
#: Figures of a size that is shown.
_FIGURES = 3


def size(num_bytes: int, *, up: bool = False) -> str:
    """Return so many bytes as text, in the largest unit of which there is one, to three figures, cut off.

    ``up``: rounded up instead. A demand is, and its limit is not: what is too much never looks as if it fitted.
    """
    power = min(max(0, num_bytes.bit_length() - 1) // 10, len(_UNITS) - 1)
    unit = _STEP**power
    whole = num_bytes // unit
    decimals = 10 ** max(0, _FIGURES - len(str(whole))) if power else 1
    shown = -(-num_bytes * decimals // unit) if up else num_bytes * decimals // unit
    # Whole numbers are divided, as no float holds each of them.
    whole, rest = divmod(shown, decimals)
    fraction = f".{rest:0{len(str(decimals)) - 1}}".rstrip("0.")
    return f"{whole:,}{fraction} {_UNITS[power]}"
