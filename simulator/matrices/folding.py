"""The gates of a block, folded into units on one or two of its bits: small matrices are cheap to multiply."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

#: Where a gate's numbers begin, and each of its qubits' bit in a product; ``~value`` is one with this value.
Factor: TypeAlias = tuple[int, tuple[int, ...]]


class Unit(NamedTuple):
    """A product over some bits of a block."""

    #: Ascending; more than two only where there is one factor.
    bits: tuple[int, ...]
    #: On the bits of the unit, the first of which is 0; the first factor acts first.
    factors: list[Factor]


#: Bits of a unit of several factors.
PAIR = 2


def folded(factors: Iterable[Factor]) -> list[Unit]:
    """Return units whose product, the first acting first, is that of the factors."""
    folding = _Folding()
    for factor in factors:
        folding.add(factor)
    return folding.units()


class _Folding:
    def __init__(self) -> None:
        self._units: list[Unit] = []
        #: Bit -> the last unit on it.
        self._last: dict[int, Unit] = {}
        #: Bit -> factors on it alone, of which no unit has taken any.
        self._waiting: dict[int, list[Factor]] = {}

    def add(self, factor: Factor) -> None:
        """Add the next factor."""
        begin, spots = factor
        bits = spots if min(spots) >= 0 else tuple([spot for spot in spots if spot >= 0])
        last = self._last.get(bits[0])
        if last is not None and len(last.bits) <= PAIR >= len(bits) and self._last.get(bits[-1]) is last:
            last.factors.append((begin, _inside(last.bits, spots)))
        elif len(bits) == 1:
            self._waiting.setdefault(bits[0], []).append(factor)
        else:
            for bit in bits if len(bits) > PAIR else ():
                if bit in self._waiting:
                    self._append((bit,))
            unit = self._append(bits)
            unit.factors.append((begin, _inside(unit.bits, spots)))

    def units(self) -> list[Unit]:
        """Return all that was added."""
        left = list(self._waiting)
        for place in range(0, len(left), PAIR):
            self._append(tuple(left[place : place + PAIR]))
        return self._units

    def _append(self, bits: tuple[int, ...]) -> Unit:
        """Begin a unit on these bits with the factors that wait for them."""
        unit = Unit(tuple(sorted(bits)), [])
        for bit in bits:
            for begin, spots in self._waiting.pop(bit, ()):
                unit.factors.append((begin, _inside(unit.bits, spots)))
            self._last[bit] = unit
        self._units.append(unit)
        return unit


@lru_cache(maxsize=1024)
def _inside(bits: tuple[int, ...], spots: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([bits.index(spot) if spot >= 0 else spot for spot in spots])
