"""The exact distribution of a program's outcomes: every history, one by one, with dense matrices.

A reference that shares nothing with the engine but the program, the matrices of gates and the evaluation of
expressions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from support.noise import operators_of
from support.programs import dense, embedded

from simulator.circuit.channel import Channel
from simulator.circuit.expression import uint_of
from simulator.circuit.instructions import (
    Barrier,
    Box,
    Break,
    Continue,
    Delay,
    For,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Range,
    Readout,
    Reset,
    Store,
    Switch,
    While,
)
from simulator.circuit.program import Program
from simulator.dynamic.classical import Classical, Evaluator

#: Histories that are less likely are left out: endless loops end.
NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class History:
    """One way that a run can go."""

    probability: float
    psi: NDArray[np.complex128]
    classical: Classical
    #: Break or Continue, on its way to the loop.
    jump: type | None = None


def distribution(program: Program) -> dict[str, float]:
    """Hex key -> probability."""
    psi = np.zeros(1 << program.num_qubits, np.complex128)
    psi[0] = 1
    start = History(1.0, psi, Classical(0, (None,) * len(program.variables)))
    totals: dict[str, float] = defaultdict(float)
    for history in _Walk(program).all(program.instructions, [start]):
        totals[hex(history.classical.memory)] += history.probability
    return dict(totals)


def assert_likely(counts: dict[str, int], expected: dict[str, float]) -> None:
    """Chi-squared: counts of a correct engine fail this once in 100,000 choices of the seed."""
    shots = sum(counts.values())
    likely = {key: share for key, share in expected.items() if share > 1e-7}
    assert set(counts) <= set(likely), "an outcome that cannot be"
    common = [key for key, share in likely.items() if share * shots >= 5]
    observed = [counts.get(key, 0) for key in common]
    share = [likely[key] * shots for key in common]
    observed.append(shots - sum(observed))
    share.append(shots - sum(share))
    if share[-1] < 5:
        observed[-2:], share[-2:] = [sum(observed[-2:])], [sum(share[-2:])]
    if len(share) > 1:
        assert stats.chisquare(observed, np.array(share) * (shots / sum(share))).pvalue > 1e-5


class _Walk:
    def __init__(self, program: Program) -> None:
        self._num_qubits = program.num_qubits
        self._channels = program.channels
        self._evaluator = Evaluator(program.variables)

    def all(self, instructions: tuple[Instruction, ...], histories: list[History]) -> list[History]:
        """Run instructions on every history that has not jumped."""
        for instruction in instructions:
            histories = [
                after
                for history in histories
                for after in ([history] if history.jump else self._one(instruction, history))
                if after.probability > NEGLIGIBLE
            ]
        return histories

    def _one(  # noqa: C901, PLR0911, PLR0912 (one case a kind of instruction)
        self, instruction: Instruction, history: History
    ) -> list[History]:
        match instruction:
            case Barrier() | Delay():
                return [history]
            case Measure(qubit=qubit, clbit=clbit):
                return [
                    replace(after, classical=after.classical.with_clbit(clbit, outcome))
                    for outcome, after in enumerate(self._projected(history, qubit))
                ]
            case Reset(qubit=qubit):
                zero, one = self._projected(history, qubit)
                return [zero, replace(one, psi=self._flipped(one.psi, qubit))]
            case Noise(channel=channel, qubits=qubits):
                return list(self._noisy(self._channels[channel], qubits, history))
            case Readout():
                return list(_read(instruction, history))
            case Initialize(targets=targets):
                histories = self.all(tuple(map(Reset, targets)), [history])
                return [replace(each, psi=self._prepared(each.psi, instruction)) for each in histories]
            case Store(target=target, value=value):
                new = self._evaluator.value(value, history.classical)
                return [replace(history, classical=self._evaluator.assigned(target, new, history.classical))]
            case IfElse():
                body = instruction.true_body if self._value(instruction.condition, history) else None
                return self.all(instruction.false_body if body is None else body, [history])
            case Switch(target=target, cases=cases):
                value = int(self._value(target, history))
                taken = (case for case in cases if not case.values or value in map(uint_of, case.values))
                return self.all(case.body if (case := next(taken, None)) else (), [history])
            case While(condition=condition, body=body):
                return self._while(condition, body, history)
            case For():
                return self._for(instruction, history)
            case Box(body=body):
                return self.all(body, [history])
            case Break() | Continue():
                return [replace(history, jump=type(instruction))]
            case _:
                return [replace(history, psi=dense(instruction, self._num_qubits) @ history.psi)]

    def _value(self, expression: Any, history: History) -> Any:
        return self._evaluator.value(expression, history.classical)

    def _while(self, condition: Any, body: tuple[Instruction, ...], history: History) -> list[History]:
        done, going = [], [history]
        while going:
            ready = [each for each in going if self._value(condition, each)]
            done += [each for each in going if not self._value(condition, each)]
            going, left = _rounds_end(self.all(body, ready))
            done += left
        return done

    def _for(self, loop: For, history: History) -> list[History]:
        indices = loop.indices.ints() if isinstance(loop.indices, Range) else loop.indices
        done, going = [], [history]
        for number, index in enumerate(indices):
            body = loop.bodies[number if len(loop.bodies) > 1 else 0]
            if loop.variable is not None:
                written = [each.classical.with_variable(loop.variable, index) for each in going]
                going = [replace(each, classical=new) for each, new in zip(going, written, strict=True)]
            going, left = _rounds_end(self.all(body, going))
            done += left
        return done + going

    def _projected(self, history: History, qubit: int) -> list[History]:
        ones = np.arange(len(history.psi)) >> qubit & 1
        halves = [np.where(ones == outcome, history.psi, 0) for outcome in (0, 1)]
        norms = [float(np.linalg.norm(half)) for half in halves]
        return [
            replace(history, probability=history.probability * norm**2, psi=half / (norm or 1))
            for half, norm in zip(halves, norms, strict=True)
        ]

    def _noisy(self, channel: Channel, qubits: tuple[int, ...], history: History) -> Iterator[History]:
        for share, steps in zip(channel.probabilities, channel.alternatives, strict=True):
            psis = [history.psi * np.sqrt(share)]
            for step in steps:
                wide = [
                    embedded(each, qubits, self._num_qubits) for each in operators_of(step, channel.num_qubits)
                ]
                psis = [each @ psi for psi in psis for each in wide]
            for psi in psis:
                if norm := float(np.linalg.norm(psi)):
                    yield replace(history, probability=history.probability * norm**2, psi=psi / norm)

    def _flipped(self, psi: NDArray[np.complex128], qubit: int) -> NDArray[np.complex128]:
        return psi[np.arange(len(psi)) ^ 1 << qubit]

    def _prepared(self, psi: NDArray[np.complex128], instruction: Initialize) -> NDArray[np.complex128]:
        amplitudes, targets = instruction.amplitudes.ndarray(), instruction.targets
        result = np.zeros_like(psi)
        for value, amplitude in enumerate(amplitudes):
            mask = sum((value >> bit & 1) << qubit for bit, qubit in enumerate(targets))
            result += amplitude * psi[np.arange(len(psi)) ^ mask]
        return result


def _read(readout: Readout, history: History) -> Iterator[History]:
    memory = history.classical.memory
    value = sum((memory >> clbit & 1) << place for place, clbit in enumerate(readout.clbits))
    for outcome, share in enumerate(readout.table.ndarray()[value].tolist()):
        classical = history.classical
        for place, clbit in enumerate(readout.clbits):
            classical = classical.with_clbit(clbit, outcome >> place & 1)
        yield replace(history, probability=history.probability * share, classical=classical)


def _rounds_end(histories: list[History]) -> tuple[list[History], list[History]]:
    """Those that go on with the next round, and those that left the loop."""
    left = [replace(each, jump=None) for each in histories if each.jump is Break]
    return [replace(each, jump=None) for each in histories if each.jump is not Break], left
