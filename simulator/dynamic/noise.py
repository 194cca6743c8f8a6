"""What noise does to a branch: each shot draws an outcome, and states part by it.

An outcome is first noted in each history, then applied: so a branch can be cut between the two where there is no
room for all the states that it would have, always in two, as the bound on how many are alive needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Readout
from simulator.dynamic.branches import Branch, moved, parts, split
from simulator.dynamic.bytecode import ApplyChosen, Choose, JumpUnlessChosen
from simulator.dynamic.classical import Classical
from simulator.dynamic.limits import max_states
from simulator.dynamic.states import S
from simulator.monitor import Checkpoint
from simulator.rng import Uniforms


def choose(branch: Branch[S], operation: Choose, uniforms: Uniforms, checkpoint: Checkpoint) -> None:
    """Draw an outcome for each shot, and note it."""
    probabilities = operation.probabilities
    if probabilities is not None:
        edges = cumulative(probabilities[None])
        shares = np.repeat(edges, len(branch.histories), axis=0)
    else:
        matrices = branch.states.reduced(operation.qubits, checkpoint)
        shares = cumulative(_expected(operation.effects, matrices))[branch.state_of_history]
    outcomes = split(branch, shares.T[:-1], uniforms, checkpoint)
    branch.histories = [
        history._replace(draws=history.draws + 1, outcome=outcome)
        for history, outcome in zip(branch.histories, outcomes.tolist(), strict=True)
    ]


def apply_chosen(
    branch: Branch[S], operation: ApplyChosen, others: Sequence[Branch[S]], checkpoint: Checkpoint
) -> list[Branch[S]]:
    """Multiply states by the operators of their outcomes; or cut a branch in two that would have too many."""
    count = len(operation.matrices)
    outcomes = np.array([history.outcome for history in branch.histories])
    pairs, numbers = np.unique(count * branch.state_of_history + outcomes, return_inverse=True)
    if pairs.size > branch.num_states and pairs.size > max_states(branch.state_bytes, others):
        first = outcomes == outcomes[0]
        if not first.all():
            return parts(branch, [np.flatnonzero(first), np.flatnonzero(~first)], checkpoint)
    if pairs.size > branch.num_states:
        branch.states = branch.states.take(pairs // count, checkpoint)
    branch.histories = [history._replace(outcome=0) for history in moved(branch.histories, numbers.reshape(-1))]
    branch.states.apply(operation.qubits, operation.matrices, pairs % count, checkpoint)
    branch.pc += 1
    return [branch]


def part_by_outcome(
    branch: Branch[S], operation: JumpUnlessChosen, address: int, checkpoint: Checkpoint
) -> list[Branch[S]]:
    """Cut a branch: what has another outcome than the operation's goes on at the address."""
    chosen = np.array([history.outcome == operation.outcome for history in branch.histories])
    groups = [some for some in (np.flatnonzero(chosen), np.flatnonzero(~chosen)) if some.size]
    branches = parts(branch, groups, checkpoint)
    for each, some in zip(branches, groups, strict=True):
        if chosen[some[0]]:
            each.pc += 1
            each.histories = [history._replace(outcome=0) for history in each.histories]
        else:
            each.pc = address
    return branches


def read(branch: Branch[S], readout: Readout, uniforms: Uniforms, checkpoint: Checkpoint) -> None:
    """Draw what is read of the clbits of a readout error, and write it there."""
    edges = cumulative(np.asarray(readout.table.ndarray(), np.float64))
    values = [_value(history.classical, readout.clbits) for history in branch.histories]
    outcomes = split(branch, edges[values].T[:-1], uniforms, checkpoint)
    for index, (history, outcome) in enumerate(zip(branch.histories, outcomes.tolist(), strict=True)):
        classical = history.classical
        for place, clbit in enumerate(readout.clbits):
            classical = classical.with_clbit(clbit, outcome >> place & 1)
        branch.histories[index] = history._replace(classical=classical, draws=history.draws + 1)
    branch.pc += 1


def cumulative(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cumulative distributions of rows, up to 1: an outcome is how many edges are not above a draw."""
    edges = np.cumsum(np.maximum(probabilities, 0), axis=1)
    # Trailing outcomes of probability zero have the edge 1, too, which no draw in [0, 1) comes to.
    edges /= edges[:, -1:].copy()
    return edges


def _expected(effects: NDArray[Any], matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Return tr(E rho) of each effect E in each density matrix rho, up to its norm: shape (matrices, effects)."""
    products = effects[None] * matrices.transpose(0, 2, 1)[:, None]
    found: NDArray[np.float64] = products.real.reshape(*products.shape[:2], -1).sum(axis=-1)
    return found


def _value(classical: Classical, clbits: Sequence[int]) -> int:
    return sum((classical.memory >> clbit & 1) << place for place, clbit in enumerate(clbits))
