"""Dynamic circuits: shots that are in the same quantum state share one copy of it.

All shots begin as one cohort. A measurement splits its states, a condition splits it in several cohorts, and a
`MergePoint` joins those whose way is the same again, and states that are equal again, up to a global phase and to
rounding on a fixed grid. Every shot's outcomes depend on its own draws and its own state only: in which order
cohorts run, and which of them meet, changes no outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.expression import Var
from simulator.circuit.instructions import Measure, Reset, Store
from simulator.dynamic.breadth import next_of, room_for
from simulator.dynamic.bytecode import (
    AllocateQubits,
    Bytecode,
    Classic,
    End,
    Evolve,
    Jump,
    JumpIfFalse,
    JumpTable,
    Label,
    MeasureAndFree,
    MergePoint,
    NextIteration,
    Operation,
    SetVariable,
)
from simulator.dynamic.cohort import (
    Cohort,
    Member,
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
from simulator.dynamic.evaluation import Classical, Evaluator
from simulator.evolve.evolution import Evolution
from simulator.evolve.state import State, widened, without
from simulator.kernels.measure import bit_probabilities, canonicalize, kept_halves, project
from simulator.monitor import Monitor
from simulator.pieces import taken
from simulator.rng import Uniforms

#: What becomes of a qubit that is measured.
_Then: TypeAlias = Literal["kept", "reset", "retired"]
#: Amplitudes that are evolved at once, where they are of several states.
_TOGETHER = 1 << 14


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Runs all shots through one code."""

    code: Bytecode
    uniforms: Uniforms
    #: Told the fraction that is done of code that only evolves; of other code, its reader counts the shots.
    monitor: Monitor

    def run(self, state: State, shots: NDArray[np.int64]) -> Iterator[Cohort]:
        """Yield each cohort that has come to the end; the final measurements are not done yet."""
        live = [beginning(state, shots, len(self.code.variables), self.monitor.checkpoint)]
        del state  # its memory is free once other states have come of it
        while live:
            cohort = live.pop(next_of(live))
            while cohort.num_rows > room_for(self._row_bytes(cohort), live):
                cohort, other = halves(cohort, self.monitor.checkpoint)
                live.append(other)
            match self._operation(cohort):
                case End():
                    yield cohort
                    continue
                case MergePoint():
                    self._meet(cohort, live)
                case AllocateQubits(qubits=qubits):
                    cohort.state = widened(cohort.state, qubits, self.monitor.checkpoint)
                    cohort.address += 1
            live += self._advanced(cohort, live)

    @property
    def _is_straight(self) -> bool:
        """Whether an evolution is all that there is."""
        return isinstance(self.code.operations[1], End)

    def _operation(self, cohort: Cohort) -> Operation:
        return self.code.operations[cohort.address]

    def _row_bytes(self, cohort: Cohort) -> int:
        """Return the bytes of each of a cohort's states, when it is run next."""
        operation = self._operation(cohort)
        return cohort.row_bytes << (len(operation.qubits) if isinstance(operation, AllocateQubits) else 0)

    def _meet(self, cohort: Cohort, live: list[Cohort]) -> None:
        """Join a cohort with others that wait at its MergePoint, and let it go on."""
        self._join(cohort, live)
        merge(cohort, self.monitor.checkpoint)
        cohort.fingerprint = None
        cohort.address += 1

    def _join(self, cohort: Cohort, live: list[Cohort]) -> None:
        """Take those of the live cohorts into one that are of its kind, and fit or are in the same state."""
        waiting = [each for each in live if each.kind == cohort.kind]
        live[:] = [each for each in live if each.kind != cohort.kind]
        # Popped, so that the memory of those that are joined is free when this returns.
        while waiting:
            other = waiting.pop()
            if cohort.num_rows + other.num_rows <= room_for(cohort.row_bytes, live + waiting):
                join(cohort, other, self.monitor.checkpoint)
            elif same_state(cohort, other, self.monitor.checkpoint):
                absorb(cohort, other, self.monitor.checkpoint)
            else:
                live.append(other)

    def _advanced(self, cohort: Cohort, others: Sequence[Cohort]) -> list[Cohort]:
        """Run a cohort until it is cut, or has to wait or to be widened; return what it became."""
        cohorts = [cohort]
        while len(cohorts) == 1 and not isinstance(self._operation(cohorts[0]), (AllocateQubits, MergePoint, End)):
            cohorts = self._step(cohorts[0], others)
        for each in cohorts:
            if isinstance(self._operation(each), MergePoint):
                # Also if no other comes, so that a shot's outcomes do not depend on it.
                canonicalize(each.rows, self.monitor.checkpoint, each.state.tuning)
        return cohorts

    def _step(self, cohort: Cohort, others: Sequence[Cohort]) -> list[Cohort]:
        """Run one operation."""
        self.monitor.checkpoint()
        match self._operation(cohort):
            case Evolve(evolution=evolution):
                _evolve(evolution, cohort, self.monitor if self._is_straight else Monitor(self.monitor.checkpoint))
            case Measure(qubit=qubit, clbit=clbit):
                return self._measured(cohort, qubit, clbit, others, "kept")
            case MeasureAndFree(qubit=qubit, clbit=clbit):
                return self._measured(cohort, qubit, clbit, others, "retired")
            case Reset(qubit=qubit):
                return self._measured(cohort, qubit, None, others, "reset")
            case Store() | SetVariable() | Jump() | JumpIfFalse() | JumpTable() | NextIteration() as operation:
                return self._routed(cohort, operation)
        cohort.address += 1
        return [cohort]

    def _measured(
        self, cohort: Cohort, qubit: int, clbit: int | None, others: Sequence[Cohort], then: _Then
    ) -> list[Cohort]:
        """Split states by outcome, and cut the cohort by it if there is no room for all of them.

        Without a clbit the outcome is forgotten.
        """
        state, checkpoint = cohort.state, self.monitor.checkpoint
        masses = bit_probabilities(cohort.rows, state.slots[qubit], checkpoint, state.tuning)
        share = masses[:, 0] / masses.sum(axis=1)
        shares = share[cohort.rows_of_members]
        if np.all((share <= 0) | (share >= 1)):
            outcomes = (shares <= 0).astype(np.intp)  # whatever the draws are
        else:
            outcomes = split(cohort, shares, self.uniforms, self.monitor.checkpoint)
        cohort.members = [
            Member(row, classical if clbit is None else classical.with_clbit(clbit, outcome), draws + 1)
            for (row, classical, draws), outcome in zip(cohort.members, outcomes.tolist(), strict=True)
        ]
        cohort.address += 1
        room = room_for(cohort.row_bytes >> (then == "retired"), others)
        is_cut = _sides(cohort, outcomes, masses).size > max(room, len(masses))
        groups = [np.flatnonzero(outcomes == value) for value in (0, 1)] if is_cut else [np.arange(outcomes.size)]
        if then == "retired":
            cohorts = [self._without(cohort, qubit, group, outcomes[group], masses) for group in groups]
            if is_cut:
                return cohorts
            # In place, since others still know the cohort, and its states are to be free.
            cohort.state, cohort.members = cohorts[0].state, cohorts[0].members
            return [cohort]
        rows = cohort.rows_of_members
        cohorts = parts(cohort, groups, self.monitor.checkpoint)
        for each, group in zip(cohorts, groups, strict=True):
            own = masses[np.unique(rows[group])]
            self._project(each, qubit, outcomes[group], own, reset=then == "reset")
        return cohorts

    def _without(
        self,
        cohort: Cohort,
        qubit: int,
        group: NDArray[np.intp],
        outcomes: NDArray[np.intp],
        masses: NDArray[np.float64],
    ) -> Cohort:
        """Return some members, with the halves of their states that their outcomes say; the cohort stays."""
        sides, rows = np.unique(2 * cohort.rows_of_members[group] + outcomes, return_inverse=True)
        factors = masses.reshape(-1)[sides] ** -0.5
        state, checkpoint = cohort.state, self.monitor.checkpoint
        halves = kept_halves(cohort.rows, state.slots[qubit], sides, factors, checkpoint, state.tuning)
        return cut(cohort, group, rows, without(state, qubit, halves))

    def _project(
        self,
        cohort: Cohort,
        qubit: int,
        outcomes: NDArray[np.intp],
        masses: NDArray[np.float64],
        *,
        reset: bool,
    ) -> None:
        """Give each member the half of its state that its outcome says; ``masses`` has shape (states, 2)."""
        sides, bit = _sides(cohort, outcomes, masses), cohort.state.slots[qubit]
        if sides.size > len(masses):
            new_rows = np.searchsorted(sides, 2 * cohort.rows_of_members + outcomes)
            cohort.state.amplitudes = taken(cohort.rows, sides // 2, self.monitor.checkpoint).reshape(-1)
            cohort.members = moved(cohort.members, new_rows)
        factors = masses.reshape(-1)[sides] ** -0.5
        project(cohort.rows, bit, sides % 2, factors, self.monitor.checkpoint, cohort.state.tuning, reset=reset)
        if reset:
            cohort.state.live &= ~(1 << qubit)

    def _routed(self, cohort: Cohort, operation: Classic) -> list[Cohort]:
        """Do what concerns classical values only, and cut the cohort by where each member goes on."""
        groups: dict[int, list[int]] = {}
        for place, member in enumerate(cohort.members):
            classical, label = self._route(operation, member.classical)
            address = cohort.address + 1 if label is None else self.code.addresses[label]
            groups.setdefault(address, []).append(place)
            if classical is not member.classical:
                cohort.members[place] = Member(member.row, classical, member.draws)
        cohorts = parts(cohort, [np.array(group) for group in groups.values()], self.monitor.checkpoint)
        for each, address in zip(cohorts, groups, strict=True):
            each.address = address
        return cohorts

    def _route(self, operation: Classic, state: Classical) -> tuple[Classical, Label | None]:  # noqa: PLR0911
        """Return the classical values afterwards, and the label to go on at; None: at the next operation."""
        evaluator = Evaluator(self.code.variables)
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


def _sides(cohort: Cohort, outcomes: NDArray[np.intp], masses: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return which halves of states members are in: twice the row, and the outcome."""
    return np.flatnonzero(np.bincount(2 * cohort.rows_of_members + outcomes, minlength=masses.size))


def _evolve(evolution: Evolution, cohort: Cohort, monitor: Monitor) -> None:
    """Evolve all states, several at once: 2^k of them are a state with k more bits above the qubits'.

    Where they are no such number, zeros stand for those that are missing.
    """
    state, bits, rows = cohort.state, len(cohort.state.slots), cohort.num_rows
    together = min(max(1, _TOGETHER >> bits), 1 << (rows - 1).bit_length())
    amplitudes = state.amplitudes
    if rows % together:
        amplitudes = np.zeros(-(-rows // together) * together << bits, amplitudes.dtype)
        amplitudes[: rows << bits] = state.amplitudes
    evolved = state
    for part in np.split(amplitudes, amplitudes.size // (together << bits)):
        evolved = State(part, dict(state.slots), state.live, tuning=state.tuning)
        evolution.run(evolved, monitor)
        if part.size == amplitudes.size:
            amplitudes = evolved.amplitudes
        else:
            part[...] = evolved.amplitudes
    cohort.state = State(amplitudes[: rows << bits], evolved.slots, evolved.live, tuning=state.tuning)
