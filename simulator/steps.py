"""Steps: what a plan is made of, and how a plan runs. Each step is one kernel call on qubits that a State finds.

A plan names qubits, not bits, so one plan serves every state, whichever way its qubits lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator import kernels
from simulator.kernels import Controls
from simulator.state import State

#: Nanoseconds per amplitude of the state, as measured, by the number of targets; only the ratios matter.
_DENSE_COST = {1: 3.0, 2: 4.0, 3: 4.5, 4: 6.5, 5: 9.0, 6: 14.0}
_LIGHT_COST = 1.2


@dataclass(frozen=True, slots=True)
class Dense:
    """Multiply the targets by a matrix."""

    matrix: NDArray[np.complex128]
    targets: tuple[int, ...]
    controls: Controls = ()


@dataclass(frozen=True, slots=True)
class Phases:
    """Multiply the basis states of the targets by a diagonal; without targets, by a number."""

    diagonal: NDArray[np.complex128]
    targets: tuple[int, ...]
    controls: Controls = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Multiply the target by [[0, factors[0]], [factors[1], 0]]."""

    factors: tuple[complex, complex]
    targets: tuple[int, ...]
    controls: Controls = ()


@dataclass(frozen=True, slots=True)
class Prepare:
    """Give the targets, which are in |0>, these amplitudes."""

    amplitudes: NDArray[np.complex128]
    targets: tuple[int, ...]
    controls: Controls = ()


@dataclass(frozen=True, slots=True)
class Rename:
    """What was qubit ``sources[qubit]`` is ``qubit`` from now on."""

    sources: dict[int, int]


Kernel: TypeAlias = Dense | Phases | Exchange | Prepare
Step: TypeAlias = Kernel | Rename
Plan: TypeAlias = tuple[Step, ...]


def evolve(steps: Plan, state: State, checkpoint: Callable[[], None]) -> None:
    """Run a plan on a state, in place; calls ``checkpoint`` before every kernel."""
    for step in steps:
        checkpoint()
        if isinstance(step, Rename):
            state.slots |= {qubit: state.slots[source] for qubit, source in step.sources.items()}
            continue
        targets = state.bits(step.targets)
        controls = tuple((state.slots[qubit], value) for qubit, value in step.controls)
        match step:
            case Dense():
                kernels.apply_matrix(state.amplitudes, step.matrix, targets, controls, checkpoint)
            case Phases():
                kernels.apply_diagonal(state.amplitudes, step.diagonal, targets, controls)
            case Exchange():
                kernels.exchange(state.amplitudes, step.factors, targets[0], controls)
            case Prepare():
                kernels.prepare(state.amplitudes, step.amplitudes, targets)


def cost(step: Step) -> float:
    """Return a step's nanoseconds per amplitude of the state, roughly."""
    if isinstance(step, Rename):
        return 0.0
    share = 0.5 ** len(step.controls)
    return share * (dense_cost(len(step.targets)) if isinstance(step, Dense) else _LIGHT_COST)


def dense_cost(num_targets: int) -> float:
    """Return the nanoseconds per amplitude of a dense step."""
    return _DENSE_COST.get(num_targets) or 0.25 * 2.0**num_targets
