"""The classical memories of many shots: 64 shots of a clbit in a word, and the variables that each shot has.

Conditions on clbits are words made of words. Any other expression is evaluated once for each of the values that
its clbits and variables have in some shot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.circuit import expression as ex
from simulator.circuit.program import Variable
from simulator.dynamic.classical import Classical, Evaluator, Value
from simulator.stabilizer.layering.rows import Words
from simulator.typing import Indices

_ALL = ~np.uint64(0)


class Memory:
    """What is classical about some shots."""

    def __init__(self, num_clbits: int, variables: tuple[Variable, ...], wanted: Words) -> None:
        #: Shape (clbits, words).
        self.clbits = np.zeros((num_clbits, wanted.size), np.uint64)
        #: The shots that belong to the run: of the others, no expression is evaluated.
        self.wanted = wanted
        self._evaluator = Evaluator(variables)
        #: What variables have in some shot -> its index.
        self._values: dict[tuple[Value | None, ...], int] = {(None,) * len(variables): 0}
        #: Of each shot, the index of its variables' values.
        self._values_of = np.zeros(wanted.size * 64 if variables else 0, np.intp)

    def taken(self, words: Indices, wanted: Words) -> Memory:
        """Return the memories of some words' shots, those that are wanted of these."""
        found = Memory(0, (), wanted)
        found.clbits = self.clbits.take(words, axis=1)
        found._evaluator, found._values = self._evaluator, dict(self._values)
        found._values_of = self._values_of.reshape(-1, 64)[words if self._values_of.size else []].reshape(-1)
        return found

    def test(self, expression: ex.Expression, values: frozenset[int] | None, within: Words | None) -> Words:
        """Return in which shots an expression is true, or one of some values; it is asked of some shots."""
        asked = self.wanted if within is None else self.wanted & within
        words = self._words(expression) if values is None else None
        if words is not None:
            return words & asked
        shots, groups, states = self._groups(expression_parts=(expression,), asked=asked)
        found = [self._evaluator.value(expression, state) for state in states]
        true = np.array([bool(value) if values is None else int(value) in values for value in found], np.bool_)
        return _packed(shots[true[groups]] if shots.size else shots, asked.size)

    def assign(self, target: ex.LValue, value: ex.Expression | int | None, within: Words | None) -> None:
        """Write the value of an expression, or a number, to a target."""
        asked = self.wanted if within is None else self.wanted & within
        if isinstance(target, ex.Clbit) and value is not None and not isinstance(value, int):
            words = self._words(value)
            if words is not None:
                self._write(target.clbit, words, asked)
                return
        parts = (target,) if value is None or isinstance(value, int) else (target, value)
        shots, groups, states = self._groups(parts, asked)
        written = [self._assigned(target, value, state) for state in states]
        if not shots.size:
            return
        if self._values_of.size:
            self._values_of[shots] = np.array(
                [self._values.setdefault(state.variables, len(self._values)) for state in written]
            )[groups]
        for clbit in _clbits_of((target,)):
            ones = np.array([state.memory >> clbit & 1 for state in written], np.bool_)
            self._write(clbit, _packed(shots[ones[groups]], asked.size), asked)

    def _assigned(self, target: ex.LValue, value: ex.Expression | int | None, state: Classical) -> Classical:
        if value is None or isinstance(value, int):
            if not isinstance(target, ex.Var):
                raise TypeError(f"a number is written to a variable, not to {target}")
            return self._evaluator.with_int(target.variable, value, state)
        return self._evaluator.assigned(target, self._evaluator.value(value, state), state)

    def _write(self, clbit: int, words: Words, asked: Words) -> None:
        self.clbits[clbit] ^= (self.clbits[clbit] ^ words) & asked

    def _groups(
        self, expression_parts: Sequence[ex.Expression], asked: Words
    ) -> tuple[Indices, Indices, list[Classical]]:
        """Return the shots that are asked, the group of each, and what is classical in each group."""
        shots = np.flatnonzero(_unpacked(asked))
        clbits = sorted(set(_clbits_of(expression_parts)))
        if not shots.size:
            return shots, shots, []
        bits = np.empty((len(clbits), shots.size), np.uint8)
        for row, clbit in enumerate(clbits):
            bits[row] = _unpacked(self.clbits[clbit])[shots]
        columns = [np.packbits(bits, axis=0, bitorder="little").T]
        if self._values_of.size:
            columns.append(self._values_of[shots].astype("<u8").view(np.uint8).reshape(-1, 8))
        keys = np.ascontiguousarray(np.concatenate(columns, axis=1))
        if not keys.shape[1]:
            return shots, np.zeros(shots.size, np.intp), [Classical(0, ())]
        _, first, groups = np.unique(keys.view(f"V{keys.shape[1]}")[:, 0], return_index=True, return_inverse=True)
        states, values = [], list(self._values)
        for shot in first.tolist():
            memory = sum(1 << clbit for clbit, bit in zip(clbits, bits[:, shot].tolist(), strict=True) if bit)
            own = int(self._values_of[shots[shot]]) if self._values_of.size else 0
            states.append(Classical(memory, values[own]))
        return shots, groups.reshape(-1), states

    def _words(self, node: ex.Expression) -> Words | None:
        """Return in which shots a condition is true, made of clbits' words; None: it is not made of such."""
        match node:
            case ex.Clbit(clbit=clbit):
                own: Words = self.clbits[clbit]
                return own
            case ex.Unary(op="logic_not" | "bit_not", type=ex.Bool(), operand=operand):
                words = self._words(operand)
                return None if words is None else words ^ _ALL
            case ex.Binary(op=op, left=ex.Bits(clbits=clbits), right=ex.Constant(value=str() as value)):
                if op not in {"equal", "not_equal"}:
                    return None
                words = self._equal(clbits, ex.uint_of(value))
                return words if op == "equal" else ~words
            case ex.Binary(op=op, type=ex.Bool(), left=left, right=right) if op in _OF_WORDS:
                words, other = self._words(left), self._words(right)
                return None if words is None or other is None else _both(op, words, other)
            case _:
                return None

    def _equal(self, clbits: tuple[int, ...], value: int) -> Words:
        words = np.full(self.wanted.size, _ALL if value >> len(clbits) == 0 else 0, np.uint64)
        for bit, clbit in enumerate(clbits):
            words &= self.clbits[clbit] if value >> bit & 1 else ~self.clbits[clbit]
        return words


_OF_WORDS = frozenset({"bit_and", "logic_and", "bit_or", "logic_or", "bit_xor"})


def _both(op: str, words: Words, other: Words) -> Words:
    if op == "bit_xor":
        return words ^ other
    return words & other if op.endswith("_and") else words | other


def _clbits_of(expressions: Iterable[ex.Expression]) -> list[int]:
    found: list[int] = []
    for expression in expressions:
        for part in ex.parts_of(expression):
            if isinstance(part, ex.Clbit):
                found.append(part.clbit)
            elif isinstance(part, ex.Bits):
                found += part.clbits
    return found


def _unpacked(words: Words) -> NDArray[np.uint8]:
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")


def _packed(shots: Indices, num_words: int) -> Words:
    """Return words in which the bits of some shots are 1."""
    bits = np.zeros(num_words * 64, np.uint8)
    bits[shots] = 1
    return np.packbits(bits, bitorder="little").view(np.uint64)
