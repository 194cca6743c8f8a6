"""Run bytecode: evolve, measure and branch all shots of a circuit; shots in the same state share one copy of it.

All shots begin as one branch. A measurement splits its states, a condition splits it in several branches, and a
`MergePoint` joins those whose way is the same again, and states that are equal again, up to a global phase and to
rounding on a fixed grid. Every shot's outcomes depend on its own draws and its own state only: in which order
branches run, and which of them merge, changes no outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.expression import Var
from simulator.circuit.instructions import Measure, Readout, Reset, Save, Store
from simulator.dynamic.branches import (
    Branch,
    History,
    absorb,
    beginning,
    cut,
    halves,
    join,
    merge,
    moved,
    parts,
    same_state,
    split,
)
from simulator.dynamic.bytecode import (
    AllocateQubits,
    ApplyChosen,
    Bytecode,
    Choose,
    Classic,
    End,
    Evolve,
    Jump,
    JumpIfFalse,
    JumpTable,
    JumpUnlessChosen,
    Label,
    MeasureAndFree,
    MergePoint,
    NextIteration,
    Operation,
    SetVariable,
)
from simulator.dynamic.classical import Classical, Evaluator
from simulator.dynamic.limits import max_states, next_branch
from simulator.dynamic.noise import apply_chosen, choose, part_by_outcome, read
from simulator.dynamic.states import S
from simulator.monitor import Monitor
from simulator.rng import Uniforms
from simulator.typing import Indices

#: What becomes of a qubit that is measured.
_Then: TypeAlias = Literal["kept", "reset", "freed"]


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Runs all shots through one bytecode."""

    bytecode: Bytecode
    uniforms: Uniforms
    #: Told the fraction that is done of code that only evolves; of other code, its reader counts the shots.
    monitor: Monitor
    #: Told of each branch that comes by a `Save`.
    save: Callable[[Save, Branch[Any]], None] | None = None

    def run(self, states: S, shots: NDArray[np.int64]) -> Iterator[Branch[S]]:
        """Yield each branch that has come to the end; the final measurements are not done yet."""
        live = [beginning(states, shots, len(self.bytecode.variables), self.monitor.checkpoint)]
        del states  # its memory is free once other states have come of it
        while live:
            branch = live.pop(next_branch(live))
            while branch.num_states > 1 and branch.num_states > max_states(self._state_bytes(branch), live):
                branch, other = halves(branch, self.monitor.checkpoint)
                live.append(other)
            match self._operation(branch):
                case End():
                    yield branch
                    continue
                case MergePoint():
                    self._merge(branch, live)
                case AllocateQubits(qubits=qubits):
                    branch.states.allocate(qubits, self.monitor.checkpoint)
                    branch.pc += 1
            live += self._advanced(branch, live)

    @property
    def _is_straight(self) -> bool:
        """Whether an evolution is all that there is."""
        return isinstance(self.bytecode.operations[1], End)

    def _operation(self, branch: Branch[S]) -> Operation:
        return self.bytecode.operations[branch.pc]

    def _state_bytes(self, branch: Branch[S]) -> int:
        """Return the bytes of each of a branch's states, when it is run next."""
        operation = self._operation(branch)
        return branch.states.state_bytes(len(operation.qubits) if isinstance(operation, AllocateQubits) else 0)

    def _merge(self, branch: Branch[S], live: list[Branch[S]]) -> None:
        """Join a branch with others that wait at its MergePoint, and let it go on."""
        self._join(branch, live)
        merge(branch, self.monitor.checkpoint)
        branch.fingerprint = None
        branch.pc += 1

    def _join(self, branch: Branch[S], live: list[Branch[S]]) -> None:
        """Take those of the live branches into one that are of its kind, and fit or are in the same state."""
        kind = branch.kind
        kinds = [each.kind for each in live]
        waiting = [each for each, its_kind in zip(live, kinds, strict=True) if its_kind == kind]
        live[:] = [each for each, its_kind in zip(live, kinds, strict=True) if its_kind != kind]
        # Popped, so that the memory of those that are joined is free when this returns.
        while waiting:
            other = waiting.pop()
            if branch.num_states + other.num_states <= max_states(branch.state_bytes, live + waiting):
                join(branch, other, self.monitor.checkpoint)
            elif same_state(branch, other, self.monitor.checkpoint):
                absorb(branch, other, self.monitor.checkpoint)
            else:
                live.append(other)

    def _advanced(self, branch: Branch[S], others: Sequence[Branch[S]]) -> list[Branch[S]]:
        """Run a branch until it is cut, or has to wait or to be widened; return what it became."""
        branches = [branch]
        stops = (AllocateQubits, MergePoint, End)
        while len(branches) == 1 and not isinstance(self._operation(branches[0]), stops):
            branches = self._step(branches[0], others)
        for each in branches:
            if isinstance(self._operation(each), MergePoint):
                # Also if no other comes, so that a shot's outcomes do not depend on it.
                each.states.canonicalize(self.monitor.checkpoint)
        return branches

    def _step(  # noqa: C901, PLR0911 (one case a kind of operation)
        self, branch: Branch[S], others: Sequence[Branch[S]]
    ) -> list[Branch[S]]:
        """Run one operation."""
        self.monitor.checkpoint()
        match self._operation(branch):
            case Evolve(evolution=evolution):
                branch.states.evolve(
                    evolution, self.monitor if self._is_straight else Monitor(self.monitor.checkpoint)
                )
            case Measure(qubit=qubit, clbit=clbit):
                return self._measured(branch, qubit, clbit, others, "kept")
            case MeasureAndFree(qubit=qubit, clbit=clbit):
                return self._measured(branch, qubit, clbit, others, "freed")
            case Reset(qubit=qubit):
                return self._measured(branch, qubit, None, others, "reset")
            case Save() as what:
                if self.save is not None:
                    self.save(what, branch)
            case Choose() as choice:
                choose(branch, choice, self.uniforms, self.monitor.checkpoint)
            case ApplyChosen() as chosen:
                return apply_chosen(branch, chosen, others, self.monitor.checkpoint)
            case JumpUnlessChosen(label=label) as jump:
                return part_by_outcome(branch, jump, self.bytecode.addresses[label], self.monitor.checkpoint)
            case Readout() as readout:
                read(branch, readout, self.uniforms, self.monitor.checkpoint)
                return [branch]
            case Store() | SetVariable() | Jump() | JumpIfFalse() | JumpTable() | NextIteration() as operation:
                return self._routed(branch, operation)
        branch.pc += 1
        return [branch]

    def _measured(
        self, branch: Branch[S], qubit: int, clbit: int | None, others: Sequence[Branch[S]], then: _Then
    ) -> list[Branch[S]]:
        """Split states by outcome, and cut the branch by it if there is no room for all of them.

        Without a clbit the outcome is forgotten.
        """
        checkpoint = self.monitor.checkpoint
        norms = branch.states.probabilities(qubit, checkpoint)
        share = norms[:, 0] / norms.sum(axis=1)
        shares = share[branch.state_of_history]
        if np.all((share <= 0) | (share >= 1)):
            outcomes = (shares <= 0).astype(np.intp)  # whatever the draws are
        else:
            outcomes = split(branch, shares[None], self.uniforms, checkpoint)
        branch.histories = [
            History(state, classical if clbit is None else classical.with_clbit(clbit, outcome), draws + 1)
            for (state, classical, draws, _), outcome in zip(branch.histories, outcomes.tolist(), strict=True)
        ]
        branch.pc += 1
        num_sides = _sides(branch, outcomes, norms).size
        is_cut = num_sides > len(norms) and num_sides > max_states(
            branch.states.state_bytes(-1 if then == "freed" else 0), others
        )
        chosen = [np.flatnonzero(outcomes == value) for value in (0, 1)] if is_cut else [np.arange(outcomes.size)]
        if then == "freed":
            branches = [self._freed(branch, qubit, some, outcomes[some], norms) for some in chosen]
            if is_cut:
                return branches
            # In place, since others still know the branch, and its states are to be free.
            branch.states, branch.histories = branches[0].states, branches[0].histories
            return [branch]
        states = branch.state_of_history
        branches = parts(branch, chosen, checkpoint)
        for each, some in zip(branches, chosen, strict=True):
            self._project(each, qubit, outcomes[some], norms[np.unique(states[some])], reset=then == "reset")
        return branches

    def _freed(
        self, branch: Branch[S], qubit: int, chosen: Indices, outcomes: Indices, norms: NDArray[np.float64]
    ) -> Branch[S]:
        """Return some histories, in the states after their outcomes, without the qubit; the branch stays."""
        sides, numbers = np.unique(2 * branch.state_of_history[chosen] + outcomes, return_inverse=True)
        states = branch.states.freed(qubit, sides, norms.reshape(-1)[sides], self.monitor.checkpoint)
        return cut(branch, chosen, states, numbers)

    def _project(
        self, branch: Branch[S], qubit: int, outcomes: Indices, norms: NDArray[np.float64], *, reset: bool
    ) -> None:
        """Give each history the state after its outcome; ``norms`` has shape (states, 2)."""
        sides, checkpoint = _sides(branch, outcomes, norms), self.monitor.checkpoint
        if sides.size > len(norms):
            new_numbers = np.searchsorted(sides, 2 * branch.state_of_history + outcomes)
            branch.states = branch.states.take(sides // 2, checkpoint)
            branch.histories = moved(branch.histories, new_numbers)
        branch.states.project(qubit, sides % 2, norms.reshape(-1)[sides], checkpoint, reset=reset)

    def _routed(self, branch: Branch[S], operation: Classic) -> list[Branch[S]]:
        """Do what concerns classical values only, and cut the branch by where each history goes on."""
        groups: dict[int, list[int]] = {}
        for index, history in enumerate(branch.histories):
            classical, label = self._route(operation, history.classical)
            pc = branch.pc + 1 if label is None else self.bytecode.addresses[label]
            groups.setdefault(pc, []).append(index)
            if classical is not history.classical:
                branch.histories[index] = history._replace(classical=classical)
        branches = parts(branch, [np.array(group) for group in groups.values()], self.monitor.checkpoint)
        for each, pc in zip(branches, groups, strict=True):
            each.pc = pc
        return branches

    def _route(self, operation: Classic, state: Classical) -> tuple[Classical, Label | None]:  # noqa: PLR0911
        """Return the classical values afterwards, and the label to go on at; None: at the next operation."""
        evaluator = Evaluator(self.bytecode.variables)
        match operation:
            case Store(target=target, value=value):
                return evaluator.assigned(target, evaluator.value(value, state), state), None
            case SetVariable(variable=variable, value=value):
                return evaluator.with_int(variable, value, state), None
            case Jump(label=label):
                return state, label
            case JumpIfFalse(condition=condition, label=label):
                return state, None if evaluator.value(condition, state) else label
            case JumpTable(target=target, labels=labels, default=default):
                return state, labels.get(int(evaluator.value(target, state)), default)
            case NextIteration(counter=counter, indices=indices, variable=variable, label=label):
                done = evaluator.value(Var(counter), state)
                if done == len(indices):
                    return state, label
                state = evaluator.with_int(counter, done + 1, state)
                return state if variable is None else evaluator.with_int(variable, indices[done], state), None


def _sides(branch: Branch[S], outcomes: Indices, norms: NDArray[np.float64]) -> Indices:
    """Return the outcomes of states that histories have: twice a state's number, and the outcome."""
    return np.flatnonzero(np.bincount(2 * branch.state_of_history + outcomes, minlength=norms.size))
