"""The operations of a block, folded into units on one or two of its bits: small matrices are cheap to multiply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Factor(NamedTuple):
    """An operation of a block: of each of its qubits, the bit of the block; ``~value`` is one with this value."""

    operation: int
    spots: tuple[int, ...]


class Unit(NamedTuple):
    """Factors on the same bits; the first acts first."""

    #: Ascending; more than two only where there is one factor.
    bits: tuple[int, ...]
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
        bits = tuple([spot for spot in factor.spots if spot >= 0])
        if len(bits) > PAIR:
            for bit in bits:
                if bit in self._waiting:
                    self._append((bit,))
            self._append(bits).factors.append(factor)
            return
        last = self._last.get(bits[0])
        if last is not None and len(last.bits) <= PAIR and all(self._last.get(bit) is last for bit in bits):
            last.factors.append(factor)
        elif len(bits) == 1:
            self._waiting.setdefault(bits[0], []).append(factor)
        else:
            self._append(bits).factors.append(factor)

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
            if bit in self._waiting:
                unit.factors.extend(self._waiting.pop(bit))
            self._last[bit] = unit
        self._units.append(unit)
        return unit
