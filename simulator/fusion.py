"""Instructions without randomness -> a Plan: the kernel calls that do the same in less time.

Swaps and permutations move no amplitude: they rename qubits. Gates become one of few steps by the zeros of
their matrix. Neighbouring steps that together touch at most four qubits become one, where that costs less.
A plan depends on the instructions and on the number of bits only, so every machine makes the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.gates import GATES
from simulator.instructions import Diagonal, Gate, Initialize, Permutation, Unitary
from simulator.kernels import Controls
from simulator.state import State, matrix
from simulator.steps import Dense, Exchange, Kernel, Phases, Plan, Prepare, Rename, cost, dense_cost, evolve

Evolving: TypeAlias = Gate | Unitary | Diagonal | Permutation | Initialize

#: A fused step's qubits, at most.
_WIDEST = 4
#: States of fewer bits are so fast to change that fusing costs more than it saves.
_FUSED_FROM = 13


def plan(instructions: Iterable[Evolving], *, num_bits: int) -> Plan:
    """Plan instructions for a state of ``num_bits``. An Initialize prepares: its targets must be in |0>."""
    names: dict[int, int] = {}
    steps: list[Kernel] = []
    for instruction in instructions:
        match instruction:
            case Permutation(targets=targets, sources=sources):
                names |= {goal: names.get(source, source) for goal, source in zip(targets, sources, strict=True)}
            case Gate(name="swap", targets=(one, other), controls=()):
                names |= {one: names.get(other, other), other: names.get(one, one)}
            case Gate() | Unitary() | Diagonal() | Initialize():
                step = _renamed(_step(instruction), names)
                if not _is_identity(step):
                    steps.append(step)
    if num_bits >= _FUSED_FROM:
        steps = _fused(steps)
    return (*steps, Rename(names)) if names else tuple(steps)


def _step(instruction: Gate | Unitary | Diagonal | Initialize) -> Kernel:
    match instruction:
        case Gate():
            dense = GATES[instruction.name].matrix(*instruction.params)
        case Unitary():
            dense = instruction.matrix.ndarray().astype(np.complex128, copy=False)
        case Diagonal():
            return _phases(
                instruction.diagonal.ndarray().astype(np.complex128, copy=False), instruction.targets, ()
            )
        case Initialize():
            return Prepare(instruction.amplitudes.ndarray().astype(np.complex128, copy=False), instruction.targets)
    state = instruction.control_state
    controls = tuple(
        (qubit, 1 if state is None else state >> place & 1) for place, qubit in enumerate(instruction.controls)
    )
    return _by_zeros(dense, instruction.targets, controls)


def _by_zeros(dense: NDArray[np.complex128], targets: tuple[int, ...], controls: Controls) -> Kernel:
    """Make the lightest step that multiplies by a matrix."""
    if np.count_nonzero(dense) == np.count_nonzero(dense.diagonal()):
        return _phases(dense.diagonal(), targets, controls)
    if len(targets) == 1 and dense[0, 0] == dense[1, 1] == 0:
        return Exchange((complex(dense[0, 1]), complex(dense[1, 0])), (targets[0],), controls)
    return Dense(dense, targets, controls)


def _phases(diagonal: NDArray[np.complex128], targets: tuple[int, ...], controls: Controls) -> Phases:
    """Make a step of a diagonal; a target with one value that changes nothing becomes a control."""
    rest: list[int] = []
    for qubit in targets:
        halves = diagonal.reshape(-1, 2, 1 << len(rest))
        # The first entry decides nearly always, and a diagonal may be long.
        idle = [value for value in (0, 1) if halves[0, value, 0] == 1 and (halves[:, value] == 1).all()]
        if idle:
            controls = (*controls, (qubit, 1 - idle[0]))
            diagonal = halves[:, 1 - idle[0]].reshape(-1)
        else:
            rest.append(qubit)
    return Phases(np.ascontiguousarray(diagonal), tuple(rest), controls)


def _is_identity(step: Kernel) -> bool:
    return isinstance(step, Phases) and bool((step.diagonal == 1).all())


def _renamed(step: Kernel, names: dict[int, int]) -> Kernel:
    if not names:
        return step
    targets = tuple(names.get(qubit, qubit) for qubit in step.targets)
    controls = tuple((names.get(qubit, qubit), value) for qubit, value in step.controls)
    return replace(step, targets=targets, controls=controls)


@dataclass(slots=True)
class _Block:
    """Steps that may become one: whatever lies between them touches none of their qubits."""

    qubits: set[int]
    steps: list[Kernel]

    def takes(self, other: _Block) -> bool:
        """Whether the two can be one block."""
        prepares = any(isinstance(block.steps[0], Prepare) for block in (self, other))
        return not prepares and len(self.qubits | other.qubits) <= _WIDEST

    def add(self, later: _Block) -> None:
        """Append a block."""
        self.qubits |= later.qubits
        self.steps += later.steps

    @property
    def pays(self) -> bool:
        """Whether one dense step costs less than the steps one by one."""
        narrow = len(self.qubits) <= _WIDEST
        return narrow and len(self.steps) > 1 and dense_cost(len(self.qubits)) < self._separate_cost

    @property
    def cost(self) -> float:
        """Nanoseconds per amplitude, the better way."""
        return dense_cost(len(self.qubits)) if self.pays else self._separate_cost

    @property
    def _separate_cost(self) -> float:
        return sum(map(cost, self.steps))


def _fused(steps: Sequence[Kernel]) -> list[Kernel]:
    return [step for block in _neighbours_joined(_blocks(steps)) for step in _cheapest(block)]


def _blocks(steps: Iterable[Kernel]) -> list[_Block]:
    """Put each step into the latest block on its qubits, if that stays narrow, else into a new one."""
    blocks: list[_Block] = []
    latest: dict[int, int] = {}
    for step in steps:
        block = _Block({*step.targets, *(qubit for qubit, _ in step.controls)}, [step])
        moved = set(block.qubits)
        owners = sorted({latest[qubit] for qubit in moved if qubit in latest}, reverse=True)
        if owners and blocks[owners[0]].takes(block):
            place = owners.pop(0)
            blocks[place].add(block)
            block = blocks[place]
        else:
            place = len(blocks)
            blocks.append(block)
        for owner in owners:
            # An earlier block can wait until this one if nothing came after it on any of its own qubits.
            earlier = blocks[owner]
            if block.takes(earlier) and all(latest[qubit] == owner for qubit in earlier.qubits):
                moved |= earlier.qubits
                earlier.add(block)
                block, blocks[owner] = earlier, _Block(set(), [])
        blocks[place] = block
        latest.update(dict.fromkeys(moved, place))
    return [block for block in blocks if block.steps]


def _neighbours_joined(blocks: Iterable[_Block]) -> list[_Block]:
    """Join each block to the one before it where that costs less."""
    joined: list[_Block] = []
    for block in blocks:
        if joined and joined[-1].takes(block):
            both = _Block(joined[-1].qubits | block.qubits, joined[-1].steps + block.steps)
            if both.cost < joined[-1].cost + block.cost:
                joined[-1] = both
                continue
        joined.append(block)
    return joined


def _cheapest(block: _Block) -> Sequence[Kernel]:
    if not block.pays:
        return block.steps
    targets = tuple(sorted(block.qubits))
    rows = matrix(np.eye(1 << len(targets), dtype=np.complex128))
    block_state = State(rows.amplitudes, dict(zip(targets, rows.slots.values(), strict=True)))
    evolve(tuple(block.steps), block_state, checkpoint=lambda: None)
    return [_by_zeros(rows.amplitudes.reshape(1 << len(targets), -1), targets, ())]
