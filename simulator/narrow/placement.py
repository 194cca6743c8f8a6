"""Which gate goes into which block of a narrow state: one pass over the gates, whatever their angles.

A gate goes into the last block on its bits, where that has room, or else begins a new one; a diagonal into the
last that mixes them, since it commutes with what only reads them. A gate on one bit waits for a block that has the
bit. In a block, gates act in the circuit's order: so a block is a set of gates. What fits into no block, such as a
diagonal with many controls, is applied by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from simulator.circuit.gates import pauli_letters
from simulator.circuit.program import MAX_QUBITS
from simulator.matrices.gate_matrices import Kind
from simulator.plan.operations import DIAGONAL_NAMES, MATRIX_ROTATION, Signed, qubit_set, renamed

#: Most bits of a state -> bits of its blocks, measured: the fewer amplitudes there are, the more a matrix costs
#: beside its product with them.
_BLOCK_BITS = MappingProxyType({9: 2, MAX_QUBITS: 3})
#: The same where all numbers are real, and products take less time.
_REAL_BLOCK_BITS = MappingProxyType({6: 2, MAX_QUBITS: 3})
#: Bits of a gate that mixes up to which blocks grow for it; a wider one is applied by itself.
_WIDEST_BLOCK = 4


class GateFacts(NamedTuple):
    """What all instructions of one signature have in common."""

    #: Index among all facts.
    number: int
    #: As in a `Kind`.
    name: str
    #: The bits of its targets, then of its controls.
    bits: tuple[int, ...]
    #: The same, as a set.
    members: int
    diagonal: bool
    #: None: it has no matrix that a block could take in.
    kind: Kind | None


class Placement:
    """Where the instructions of a signature go; ``qubit_at`` has the qubit at each bit of the state.

    Blocks have ``usual`` bits, by default as many as suit one state, or more where a gate needs them.
    """

    def __init__(
        self, signature: Iterable[Signed], qubit_at: Sequence[int], *, real: bool, usual: int | None = None
    ) -> None:
        #: The bits of each step, as a set; 0: an instruction that is applied by itself.
        self.blocks: list[int] = []
        #: Step -> index and facts of the instruction that is applied by itself.
        self.alone: dict[int, tuple[int, GateFacts]] = {}
        #: Of each gate that is in a block its block's step, its index, and the number of its facts.
        self.placed: list[tuple[int, int, int]] = []
        self.facts: list[GateFacts] = []
        #: Final relabelling by swaps: new qubit -> old qubit. Qubits not listed are unchanged.
        self.renamed_from: dict[int, int] = {}
        num_bits = len(qubit_at)
        read = self._read(signature, qubit_at)
        sizes = _REAL_BLOCK_BITS if real else _BLOCK_BITS
        usual = usual or next(bits for most, bits in sizes.items() if num_bits <= most)
        widest = max([len(each.bits) for each in self.facts if each.kind and not each.diagonal], default=0)
        #: How many bits every block has.
        self.width = max(min(num_bits, usual), widest)
        #: Bit -> the last step that does anything to it, and the last that mixes it; -1: none.
        self._touched, self._mixed = [-1] * num_bits, [-1] * num_bits
        #: Bit -> gates on it alone that wait for a block, with the numbers of their facts.
        self._waiting: dict[int, list[tuple[int, int]]] = {}
        for index, facts in read:
            if facts.kind is None or len(facts.bits) > self.width or not num_bits:
                self._add_alone(index, facts)
            elif len(facts.bits) > 1:
                self._add(index, facts)
            else:
                self._add_single(index, facts)
        self._place_waiting(list(self._waiting))
        self.blocks = [_filled(block, self.width) for block in self.blocks]

    def _read(self, signature: Iterable[Signed], qubit_at: Sequence[int]) -> list[tuple[int, GateFacts]]:
        """Return the index and the facts of each instruction that is no renaming."""
        bit_of = {qubit: bit for bit, qubit in enumerate(qubit_at)}
        read: list[tuple[int, GateFacts]] = []
        known: dict[Signed, GateFacts] = {}
        for index, each in enumerate(signature):
            facts = known.get(each)
            if facts is None:
                sources = renamed(each)
                if sources is not None:
                    bit_of.update(zip(each[1], [bit_of[qubit] for qubit in sources], strict=True))
                    known.clear()
                    continue
                facts = known[each] = _facts(each, bit_of, len(self.facts))
                self.facts.append(facts)
            read.append((index, facts))
        self.renamed_from = {qubit: qubit_at[bit] for qubit, bit in bit_of.items() if qubit_at[bit] != qubit}
        return read

    def _add_single(self, index: int, facts: GateFacts) -> None:
        """Add a gate on one bit; one on none, a global phase, acts on any."""
        bit = facts.bits[0] if facts.bits else 0
        if bit in self._waiting:
            self._waiting[bit].append((index, facts.number))
            return
        step = self._mixed[bit] if facts.diagonal else self._touched[bit]
        if step < 0:
            step = self._touched[bit]
        if step < 0 or not self.blocks[step]:
            self._waiting[bit] = [(index, facts.number)]
            return
        if not facts.diagonal:
            self._mixed[bit] = step
        self.placed.append((step, index, facts.number))

    def _add(self, index: int, facts: GateFacts) -> None:
        """Add a gate on several bits, and what waits on them."""
        touched, mixed, waiting = self._touched, self._mixed, self._waiting
        step = latest = -1
        for bit in facts.bits:
            after = touched[bit]
            latest = max(latest, after)
            if facts.diagonal and bit not in waiting:
                after = mixed[bit]
            step = max(step, after)
        if not self._has_room(step, facts.members):
            if self._has_room(latest, facts.members):
                step = latest
            else:
                step = len(self.blocks)
                self.blocks.append(0)
        self.blocks[step] |= facts.members
        for bit in facts.bits:
            touched[bit] = max(touched[bit], step)
            if bit in waiting:
                self.placed += [(step, *each) for each in waiting.pop(bit)]
                mixed[bit] = step
            elif not facts.diagonal:
                mixed[bit] = step
        self.placed.append((step, index, facts.number))

    def _add_alone(self, index: int, facts: GateFacts) -> None:
        """Add an instruction that is applied by itself, after what waits on its bits."""
        self._place_waiting([bit for bit in facts.bits if bit in self._waiting])
        step = len(self.blocks)
        for bit in facts.bits:
            self._touched[bit] = step
            if not facts.diagonal:
                self._mixed[bit] = step
        self.alone[step] = index, facts
        self.blocks.append(0)

    def _place_waiting(self, bits: Sequence[int]) -> None:
        """Make blocks of the gates that wait on some bits."""
        for start in range(0, len(bits), self.width or 1):
            step = len(self.blocks)
            self.blocks.append(0)
            for bit in bits[start : start + self.width]:
                self.blocks[step] |= 1 << bit
                self._touched[bit] = self._mixed[bit] = step
                self.placed += [(step, *each) for each in self._waiting.pop(bit)]

    def _has_room(self, step: int, members: int) -> bool:
        """Whether a step is a block that has these bits, or can have them."""
        block = self.blocks[step] if step >= 0 else 0
        return block != 0 and (not members & ~block or (block | members).bit_count() <= self.width)


def _facts(signed: Signed, bit_of: Mapping[int, int], number: int) -> GateFacts:
    name, targets, controls, control_state = signed
    bits = tuple([bit_of[qubit] for qubit in targets + controls])
    diagonal = name in DIAGONAL_NAMES
    own = name.removeprefix("diagonal ")
    kind = None
    if (
        name != "initialize"
        and len(pauli_letters(name)) <= MATRIX_ROTATION
        and (diagonal or len(bits) <= _WIDEST_BLOCK)
    ):
        kind = own, len(targets), len(controls), control_state
    return GateFacts(number, own, bits, qubit_set(bits), diagonal, kind)


def _filled(block: int, width: int) -> int:
    """Return a block with the lowest bits that it has not, so that it has ``width`` of them; 0 stays 0."""
    bit = 1
    while block and block.bit_count() < width:
        block |= bit
        bit <<= 1
    return block
