"""Plans with everything that does not depend on angles: it is made once for all circuits of one structure.

For a state that is one chunk, making it takes longer than a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from simulator.circuit.gates import pauli_letters
from simulator.circuit.instructions import Gate
from simulator.circuit.pauli import PauliString
from simulator.evolve.product import ProductSpec
from simulator.evolve.scaling import Entries, PairVector
from simulator.kernels.bits import selected
from simulator.kernels.dense import real_form
from simulator.kernels.rotation import RotationSpec
from simulator.matrices import MatrixPlan
from simulator.matrices.block_matrices import StackSlice
from simulator.matrices.folding import PAIR
from simulator.plan.operations import WIDEST, Evolving, Operation, OperationList, controls_of, list_operations
from simulator.plan.plan import Multiply, Plan, Rotate, Step, steps_of
from simulator.plan.planner import chunk_bits, make_plan
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes, Indices, Matrices

#: log2 of the amplitudes that a diagonal acts on up to which their indices are kept.
_FEW = 10
#: Most steps of a plan that are kept with their numbers: some MiB.
_STEPS = 256
#: Most numbers in the vectors of diagonals that are kept with a plan: some MiB.
_VECTORS = 1 << 17


@dataclass(frozen=True, slots=True)
class DiagonalSpec:
    """What is known of a step that multiplies by diagonals before the diagonals are."""

    #: The diagonals on at most two qubits that lie in the chunk; None: there are none.
    vector: PairVector | None
    #: Other diagonals that act on few amplitudes: their indices, of each the index of its entry in the diagonal,
    #: and the index of the operation.
    patches: tuple[tuple[Indices, Indices, int], ...]
    #: All other diagonals: the index of the operation, and the bits of its qubits.
    others: tuple[tuple[int, tuple[int, ...]], ...]


Spec: TypeAlias = DiagonalSpec | RotationSpec
#: A step; where its matrices are, if it multiplies; and its spec, if not.
PreparedStep: TypeAlias = tuple[Step, StackSlice | None, Spec | None]


class PreparedPlan:
    """A plan and its index arrays, shared by all circuits of one structure; only the angles differ."""

    def __init__(
        self,
        instructions: Sequence[Evolving],
        qubit_at: tuple[int, ...],
        *,
        real: bool,
        tuning: Tuning = TUNING,
    ) -> None:
        self.operations: OperationList = list_operations(instructions)
        self.plan: Plan = make_plan(self.operations.operations, qubit_at, real=real, tuning=tuning)
        self.matrix_plan = MatrixPlan(instructions, self.operations.operations, self.plan)
        #: The qubit at each bit, at the beginning.
        self.qubit_at = qubit_at
        self.real = real
        #: log2 of the amplitudes of a chunk.
        self.size = chunk_bits(len(qubit_at), real=real, tuning=tuning)
        #: Whether the state is one chunk.
        self.one_chunk = self.size == len(qubit_at)
        self.steps: list[PreparedStep] = [
            (step, matrices, self._spec(step, instructions))
            for step, matrices in zip(steps_of(self.plan), self.matrix_plan.slices, strict=True)
        ]
        vectors = sum(isinstance(spec, DiagonalSpec) and spec.vector is not None for _, _, spec in self.steps)
        #: Whether steps may be kept with their numbers.
        self.light = self.one_chunk and len(self.steps) <= _STEPS and vectors << self.size <= _VECTORS
        #: Whether all circuits of this structure have the same numbers, so that these are kept with the plan.
        self.keeps_numbers = self.light and all(
            isinstance(each, Gate) and not each.params for each in instructions
        )

    def block_forms(self, numbers: Matrices, dtype: np.dtype[Any]) -> dict[int, Amplitudes]:
        """Return, by number of qubits, the blocks' matrices as `real_form` has them, for states of a type.

        ``numbers`` are those of `MatrixPlan`.
        """
        reals = np.empty(0, dtype).real.dtype
        return {
            size: real_form(stack, real=self.real).astype(reals, copy=False)
            for size, stack in self.matrix_plan.block_matrices(numbers).items()
        }

    def product_spec(self, step: Multiply) -> ProductSpec:
        """Return the spec of a step that multiplies, which is not kept: its gather is large."""
        width = (1 if self.real else 2) << len(step.targets)
        return ProductSpec(width, step.control_bits, step.sources, step.transposed)

    def _spec(self, step: Step, instructions: Sequence[Evolving]) -> Spec | None:
        if isinstance(step, Multiply):
            return None
        if isinstance(step, Rotate):
            name = only_gate(instructions, self.operations.operations[step.member]).name
            string = PauliString.of(pauli_letters(name))
            return RotationSpec(string.flips, string.signs, string.phase, step.bits, self.size)
        pairs: list[Entries] = []
        patches: list[tuple[Indices, Indices, int]] = []
        others: list[tuple[int, tuple[int, ...]]] = []
        # Each operation with the bits of its qubits.
        for index, bits in zip(step.members, step.bits, strict=True):
            instruction = instructions[self.operations.operations[index].sources[0]]
            controls = controls_of(instruction, bits) if len(bits) > WIDEST else ()
            if len(bits) <= PAIR and min(bits, default=0) >= 0:
                found = self.matrix_plan.diagonals(index)
                pairs += [Entries(each.start, each.step, bits) for each in found]
            elif self.one_chunk and self.size - len(controls) <= _FEW:
                targets = bits[: len(bits) - len(controls)]
                patches.append((*selected(self.size, targets, controls), index))
            else:
                others.append((index, bits))
        size = max([bit + 1 for each in pairs for bit in each.bits], default=0)
        return DiagonalSpec(PairVector(pairs, size) if pairs else None, tuple(patches), tuple(others))


def only_gate(instructions: Sequence[Evolving], operation: Operation) -> Gate:
    """Return the gate of an operation that is a single gate."""
    (source,) = operation.sources
    gate = instructions[source]
    if not isinstance(gate, Gate):
        raise TypeError(gate)
    return gate
