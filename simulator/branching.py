"""Dynamic circuits: shots that are in the same quantum state share one copy of it.

A branch is a state with the shots in it, sorted into histories: shots with the same clbits, variables and number
of draws. A measurement or a condition splits a branch; a `Meet` joins branches whose states are equal again, up
to a global phase and to rounding on a fixed grid. Every shot's outcomes depend on its own draws and its own
branch only: in which order branches run, and which of them meet, changes no outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator import kernels
from simulator.code import (
    Assign,
    Classic,
    Code,
    Count,
    End,
    Evolve,
    Jump,
    Label,
    Meet,
    Operation,
    Select,
    Unless,
)
from simulator.evaluation import Classical, Evaluator
from simulator.expression import Var
from simulator.program import Measure, Reset, Store
from simulator.rng import Uniforms
from simulator.state import State
from simulator.steps import evolve

#: Branches wait for each other, to meet, while their states together are smaller than this,
_WAITING_BYTES = 1 << 26
#: and while they are fewer than this.
_WAITING = 256


@dataclass(frozen=True, slots=True)
class History:
    """Shots that have seen the same."""

    classical: Classical
    #: How many random numbers each shot has used.
    draws: int
    #: Ascending.
    shots: NDArray[np.int64]


@dataclass(slots=True)
class Branch:
    """Shots that are in one state, at one address of the code."""

    address: int
    state: State
    histories: list[History]
    #: While it waits at a Meet, and another branch has come: equal states have equal marks.
    mark: tuple[object, ...] | None = None

    @property
    def shots(self) -> int:
        """The number of shots."""
        return sum(history.shots.size for history in self.histories)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Runs all branches of one code."""

    code: Code
    uniforms: Uniforms
    checkpoint: Callable[[], None]

    def run(self, state: State, shots: NDArray[np.int64]) -> Iterator[Branch]:
        """Yield each branch that has come to the end; the final measurements are not done yet."""
        nothing = Classical(0, (None,) * len(self.code.variables))
        following = [Branch(0, state, [History(nothing, 0, shots)])]
        live: list[Branch] = []
        most = most_waiting(state.amplitudes.nbytes)
        while following:
            while following:
                # Popped, so that a branch that has ended takes no memory while others run.
                match self._operation(following[-1]):
                    case End():
                        yield following.pop()
                    case Meet():
                        _meet(following.pop(), live)
                    case _:
                        live.append(following.pop())
            if live:
                following = self._advanced(live.pop(_next(live, most)))

    def _operation(self, branch: Branch) -> Operation:
        return self.code.operations[branch.address]

    def _advanced(self, branch: Branch) -> list[Branch]:
        """Run a branch until it splits or has to wait; return what it became."""
        branches = self._step(branch)
        while len(branches) == 1 and not isinstance(self._operation(branches[0]), (Meet, End)):
            branches = self._step(branches[0])
        return branches

    def _step(self, branch: Branch) -> list[Branch]:
        """Run one operation."""
        self.checkpoint()
        match self._operation(branch):
            case Evolve(plan=plan):
                evolve(plan, branch.state, self.checkpoint)
            case Meet():
                branch.mark = None
            case Measure(qubit=qubit, clbit=clbit):
                return self._measured(branch, qubit, clbit)
            case Reset(qubit=qubit):
                return self._measured(branch, qubit, None)
            case End():
                return []
            case operation:
                return self._routed(branch, operation)
        branch.address += 1
        return [branch]

    def _measured(self, branch: Branch, qubit: int, clbit: int | None) -> list[Branch]:
        """Split by the outcome. Without a clbit it is a reset: the outcome is forgotten, the qubit becomes 0."""
        bit = branch.state.slots[qubit]
        masses = kernels.bit_masses(branch.state.amplitudes, bit)
        share = masses[0] / sum(masses)
        split: dict[int, list[History]] = {0: [], 1: []}
        for history in branch.histories:
            zero = self.uniforms.draw(history.shots, history.draws) < share
            for outcome, chosen in enumerate((history.shots[zero], history.shots[~zero])):
                classical = history.classical if clbit is None else history.classical.with_clbit(clbit, outcome)
                if chosen.size:
                    split[outcome].append(History(classical, history.draws + 1, chosen))
        branches = _split(branch, {outcome: histories for outcome, histories in split.items() if histories})
        for outcome, after in branches.items():
            into = 0 if clbit is None else outcome
            kernels.project(after.state.amplitudes, bit, outcome, into=into, factor=masses[outcome] ** -0.5)
            after.address += 1
        return list(branches.values())

    def _routed(self, branch: Branch, operation: Classic) -> list[Branch]:
        """Do what concerns classical values only, and split by where each history goes on."""
        routes: dict[int, list[History]] = {}
        for history in branch.histories:
            classical, label = self._route(operation, history.classical)
            address = branch.address + 1 if label is None else self.code.addresses[label]
            routes.setdefault(address, []).append(replace(history, classical=classical))
        branches = _split(branch, routes)
        for address, after in branches.items():
            after.address = address
        return list(branches.values())

    def _route(self, operation: Classic, state: Classical) -> tuple[Classical, Label | None]:  # noqa: PLR0911
        """Return the classical values afterwards, and the label to go on at; None: at the next operation."""
        evaluator = Evaluator(self.code.variables)
        match operation:
            case Store(target=target, value=value):
                return evaluator.assigned(target, evaluator.value(value, state), state), None
            case Assign(variable=variable, value=value):
                return evaluator.with_int(variable, value, state), None
            case Jump(label=label):
                return state, label
            case Unless(condition=condition, label=label):
                return state, None if evaluator.value(condition, state) else label
            case Select(target=target, labels=labels, default=default):
                return state, labels.get(int(evaluator.value(target, state)), default)
            case Count(counter=counter, indices=indices, variable=variable, label=label):
                done = evaluator.value(Var(counter), state)
                if done == len(indices):
                    return state, label
                state = evaluator.with_int(counter, done + 1, state)
                return state if variable is None else evaluator.with_int(variable, indices[done], state), None


def most_waiting(state_bytes: int) -> int:
    """Return how many branches may wait for each other; beyond it, they are run one by one."""
    return max(1, min(_WAITING, _WAITING_BYTES // state_bytes))


def _next(live: Sequence[Branch], most: int) -> int:
    """Return the place of the branch to run: the last in the code, so that others wait for it where they may meet.

    With more than ``most`` branches, the one with the fewest shots: then splits add at most log2(shots) states
    before branches begin to end.
    """
    if len(live) <= most:
        return min(range(len(live)), key=lambda place: live[place].address)
    return min(range(len(live)), key=lambda place: live[place].shots)


def _split(branch: Branch, groups: Mapping[int, list[History]]) -> dict[int, Branch]:
    """Give each group of histories a branch; the state is copied for all but the last."""
    branches = {}
    for place, (key, histories) in enumerate(groups.items()):
        last = place == len(groups) - 1
        branches[key] = Branch(branch.address, branch.state if last else branch.state.copy(), histories)
    return branches


def _meet(branch: Branch, live: list[Branch]) -> None:
    """Let a branch wait with the others, or join the one that is in the same state at the same address."""
    # Always, so that a shot's outcomes are the same whether another branch comes or not.
    kernels.settle(branch.state.amplitudes)
    for other in live:
        if other.address != branch.address:
            continue
        branch.mark = branch.mark or _mark(branch.state)
        other.mark = other.mark or _mark(other.state)
        if branch.mark == other.mark and np.array_equal(branch.state.amplitudes, other.state.amplitudes):
            other.histories = _joined(other.histories + branch.histories)
            return
    live.append(branch)


def _mark(state: State) -> tuple[object, ...]:
    return (*state.slots.values(), *kernels.fingerprint(state.amplitudes))


def _joined(histories: Iterable[History]) -> list[History]:
    alike: dict[tuple[Classical, int], list[NDArray[np.int64]]] = {}
    for history in histories:
        alike.setdefault((history.classical, history.draws), []).append(history.shots)
    return [
        History(classical, draws, np.sort(np.concatenate(shots))) for (classical, draws), shots in alike.items()
    ]
