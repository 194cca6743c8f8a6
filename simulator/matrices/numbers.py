"""The entries of all gates' matrices in one array, so that any of them can be looked up at once.

A matrix over j qubits has 4^j entries there, row by row, and a 0 behind them. Those of a gate without parameters
are there once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.matrices.gate_matrices import Kind, Swept, constant_matrix, is_constant, matrices_of
from simulator.typing import Amplitudes, Matrices


class GateNumbers:
    """Where the numbers of gates are, whatever their angles."""

    def __init__(self, kinds: Mapping[int, Kind], *, real: bool = False) -> None:
        """Take the kind of each gate, by its index among the instructions; ``real``: all numbers are."""
        self._real = real
        #: Index of an instruction -> where its numbers begin.
        self.begin_of: dict[int, int] = {}
        #: Kinds of gates with numbers of their own, the indices of these, and where their numbers begin.
        self._own: list[tuple[Kind, list[int], int]] = []
        sources_of: dict[Kind, list[int]] = defaultdict(list)
        for source, kind in kinds.items():
            sources_of[kind].append(source)
        constants: list[tuple[int, Matrices]] = []
        begin = 0
        for kind, sources in sources_of.items():
            size = num_entries(kind[1] + kind[2])
            if is_constant(kind):
                self.begin_of |= dict.fromkeys(sources, begin)
                constants.append((begin, constant_matrix(kind)))
                begin += size
            else:
                end = begin + len(sources) * size
                self.begin_of |= zip(sources, range(begin, end, size), strict=True)
                self._own.append((kind, sources, begin))
                begin = end
        self._numbers: Amplitudes = np.zeros(begin, np.float64 if real else np.complex128)
        for start, matrix in constants:
            self._numbers[start : start + matrix.size] = (matrix.real if real else matrix).reshape(-1)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self._numbers)

    @property
    def constant(self) -> bool:
        """Whether all circuits of this structure have the same numbers."""
        return not self._own

    def of(self, instructions: Sequence[Any], swept: Swept | None = None) -> Amplitudes:
        """Return the numbers, shape (numbers,); where angles are swept, (rows, numbers) unless no gate here is."""
        numbers = self._numbers
        if self._own:
            lead = () if swept is None else (len(swept.values),)
            numbers = np.broadcast_to(numbers, (*lead, numbers.size)).copy()
        for kind, sources, begin in self._own:
            found = matrices_of(kind, [instructions[source] for source in sources], sources, swept)
            size = num_entries(kind[1] + kind[2])
            goal = numbers[..., begin : begin + len(sources) * size]
            goal = goal.reshape(*goal.shape[:-1], len(sources), size)
            goal[..., :-1] = (found.real if self._real else found).reshape(*found.shape[:-2], -1)
        return numbers


def num_entries(width: int) -> int:
    """Return how many numbers a matrix over so many qubits has, with the 0 behind it."""
    return (1 << 2 * width) + 1
