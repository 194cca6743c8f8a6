"""Puts instructions into layers, one after another, each as early as its qubits and clbits allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from simulator.circuit.expression import Expression, LValue
from simulator.stabilizer.cliffords.one_qubit import (
    IDENTITY,
    IMAGES,
    NEGATIVE,
    PAULIS,
    QUARTER_TURNS,
    THEN,
    Element,
    Pauli,
    X,
    Y,
    Z,
)
from simulator.stabilizer.cliffords.two_qubits import BEFORE, Pair, controlled_pauli
from simulator.stabilizer.layering.assembly import PAULI_BITS, QUBIT_BITS, Collected, Operation, assembled
from simulator.stabilizer.layering.layers import (
    Assign,
    Flag,
    Segment,
    Test,
)

_LETTERS = {"x": X, "y": Y, "z": Z}

#: A clbit, or a variable as minus its number minus 1.
Bit: TypeAlias = int


class Builder:
    """Collects the layers of one segment."""

    def __init__(self, num_qubits: int, *, from_ground: bool = True) -> None:
        self._pending: list[Element] = [IDENTITY] * num_qubits
        self._place_of = list(range(num_qubits))
        #: The last layer in which anything is done, by place.
        self._levels = [0] * num_qubits
        #: The last layer in which a clbit or variable is read or written, and in which a flag is set.
        self._bit_levels: dict[Bit, int] = {}
        self._flag_levels: list[int] = []
        self._found = Collected()
        self._num_coins = 0
        #: The measurement that was the last thing done at a place.
        self._last_measure: dict[int, int] = {}
        #: Places that may not be in |0> although they are in no layer.
        self._noisy: set[int] = set() if from_ground else set(range(num_qubits))
        self._measured: set[int] = set()
        #: Clbits that measurements wrote.
        self._written: set[Bit] = set()
        #: Clbits that were misread, after a measurement wrote them.
        self._misread: set[Bit] = set()
        #: Bits to which more is done than that one measurement writes them and each by itself is misread.
        self._ordered: set[Bit] = set()
        self._final = True

    def one(self, qubit: int, element: Element) -> None:
        """Add one of the 24 gates."""
        place = self._place_of[qubit]
        self._pending[place] = THEN[self._pending[place]][element]

    def pauli(self, qubit: int, pauli: Pauli) -> None:
        """Add a Pauli."""
        self.one(qubit, PAULIS[pauli])

    def pair(self, qubit: int, other_qubit: int, gate: Pair) -> None:
        """Add a gate on two qubits."""
        place_of, pending, levels = self._place_of, self._pending, self._levels
        one, other = place_of[qubit], place_of[other_qubit]
        first, second = gate.first, gate.second
        before, other_before = pending[one], pending[other]
        after, other_after = first.after[before], second.after[other_before]
        if gate.entangles:
            pauli, other_pauli = first.paulis[before], second.paulis[other_before]
            if first.negative[before]:
                other_after = BEFORE[other_after][other_pauli]
            if second.negative[other_before]:
                after = BEFORE[after][pauli]
            level, other_level = levels[one], levels[other]
            level = (max(other_level, level)) + 1
            levels[one] = levels[other] = level
            where = ((level << QUBIT_BITS | one) << QUBIT_BITS | other) << 2 * PAULI_BITS
            self._found.pairs.append(where | pauli << PAULI_BITS | other_pauli)
        pending[one], pending[other] = after, other_after
        if gate.swaps:
            place_of[qubit], place_of[other_qubit] = other, one

    def rotate(self, qubits: Sequence[int], letters: str, turns: int) -> None:
        """Add exp(-i turns pi/4 P) for a Pauli string P of letters out of "xyz"."""
        paulis = [_LETTERS[letter] for letter in letters]
        if turns == 2:  # noqa: PLR2004 (then it is P)
            for qubit, pauli in zip(qubits, paulis, strict=True):
                self.pauli(qubit, pauli)
            return
        # A controlled Pauli C(Q, R) takes a P that anticommutes with R to Q P: so that of one qubit grows.
        last, own = qubits[-1], paulis[-1]
        ladder = [controlled_pauli(pauli, X if own == Z else Z) for pauli in paulis[:-1]]
        for qubit, gate in zip(qubits, ladder, strict=False):
            self.pair(qubit, last, gate)
        self.one(last, QUARTER_TURNS[own][turns])
        for qubit, gate in zip(qubits, ladder, strict=False):
            self.pair(qubit, last, gate)

    def permute(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Move the state of each source to its target."""
        places = [self._place_of[source] for source in sources]
        for target, place in zip(targets, places, strict=True):
            self._place_of[target] = place

    def measure(self, qubit: int, clbit: int) -> None:
        """Add a measurement."""
        place = self._place_of[qubit]
        level = max(self._levels[place], self._bit_levels.get(clbit, 0)) + 1
        self._levels[place] = self._bit_levels[clbit] = level
        self._last_measure[place] = len(self._found.measures)
        self._found.measures.append([level, place, IMAGES[self._pending[place]][Z], clbit, self._coin()])
        # All outcomes are written before all readout errors, if the circuit only measures at its end.
        self._final = self._final and place not in self._measured and clbit not in self._misread
        self._measured.add(place)
        if clbit in self._written or clbit in self._misread:
            self._ordered.add(clbit)
        self._written.add(clbit)

    def reset(self, qubit: int) -> None:
        """Add a reset; of a qubit that is in no layer, it takes no coin."""
        place = self._place_of[qubit]
        level = self._levels[place]
        if not level and place not in self._noisy:
            self._pending[place] = IDENTITY
            return
        measured = self._last_measure.get(place, -1)
        image = IMAGES[self._pending[place]][Z]
        same = measured >= 0 and self._found.measures[measured][:2] == [level, place]
        if same and (self._found.measures[measured][2] ^ image) & ~NEGATIVE == 0:
            # What it is multiplied by after the measurement would be forgotten.
            coin, self._found.measures[measured][-1] = self._found.measures[measured][-1], -1
        else:
            level, coin = level + 1, self._coin()
        self._found.resets.append((level, place, image, coin))
        self._last_measure.pop(place, None)
        self._levels[place] = level
        self._final = False

    def noise(self, channel: int, qubits: Sequence[int]) -> None:
        """Add a channel of Paulis."""
        places = [self._place_of[qubit] for qubit in qubits]
        level = max(self._levels[place] for place in places)
        self._found.noise[channel].append((level, places, [self._pending[place] for place in places]))
        for place in places:
            self._levels[place] = level
            self._last_measure.pop(place, None)
        self._noisy.update(places)
        self._final = False

    def readout(self, error: int, clbits: tuple[int, ...]) -> None:
        """Add a readout error, by its number."""
        self._add_classical((error, clbits), clbits, None)
        self._misread.update(clbits)
        if len(clbits) > 1:
            self._ordered.update(clbits)

    def test(
        self,
        expression: Expression,
        bits: Iterable[Bit],
        *,
        within: Flag | None = None,
        values: frozenset[int] | None = None,
        negated: bool = False,
    ) -> Flag:
        """Set a new flag where an expression of these bits is true, or has one of some values."""
        flag, concerned = len(self._flag_levels), list(bits)
        self._flag_levels.append(0)
        self._flag_levels[flag] = self._add_classical(
            Test(expression, flag, within, values, negated), concerned, within
        )
        self._ordered.update(concerned)
        self._final = False
        return flag

    def assign(
        self, target: LValue, value: Expression | int | None, bits: Iterable[Bit], within: Flag | None = None
    ) -> None:
        """Write a value to a target; both are of these bits."""
        concerned = list(bits)
        self._add_classical(Assign(target, value, within), concerned, within)
        self._ordered.update(concerned)
        self._final = False

    def feedback(self, qubit: int, pauli: Pauli, flag: Flag) -> None:
        """Add a Pauli in the shots of a flag."""
        place = self._place_of[qubit]
        level = max(self._levels[place], self._flag_levels[flag])
        while place in self._found.feedback[level]:
            level += 1
        image = IMAGES[self._pending[place]][pauli] & ~NEGATIVE
        self._found.feedback[level][place] = image, flag
        self._levels[place] = level
        self._last_measure.pop(place, None)
        self._noisy.add(place)
        self._final = False

    def build(self) -> Segment:
        """Return the segment."""
        # Whatever is done to a qubit after its measurement is in a later layer.
        final = self._final and all(self._levels[row[1]] == row[0] for row in self._found.measures)
        self._put_off_measurements()
        return assembled(
            self._found,
            self._num_coins,
            len(self._flag_levels),
            final=final,
            places=self._place_of,
            pending=self._pending,
        )

    def _put_off_measurements(self) -> None:
        """Move measurements that nothing comes after, and what misreads them, to one layer, as each takes time."""
        found = self._found
        last = [(place, found.measures[number]) for place, number in self._last_measure.items()]
        late = [row for place, row in last if row[0] == self._levels[place] and row[3] not in self._ordered]
        level = max((row[0] for row in late), default=0)
        clbits = {row[3] for row in late}
        for row in late:
            row[0] = level
        for earlier in sorted(each for each in found.classical if each < level):
            for operation in found.classical.pop(earlier):
                moved = isinstance(operation, tuple) and operation[1][0] in clbits
                found.classical[level if moved else earlier].append(operation)

    def _coin(self) -> int:
        self._num_coins += 1
        return self._num_coins - 1

    def _add_classical(self, operation: Operation, bits: Sequence[Bit], within: Flag | None) -> int:
        level = max((self._bit_levels.get(bit, 0) for bit in bits), default=0)
        if within is not None:
            level = max(level, self._flag_levels[within])
        self._found.classical[level].append(operation)
        for bit in bits:
            self._bit_levels[bit] = level
        return level
