"""Control flow that parts shots, on stabilizers: as on statevectors, and bit for bit however shots are cut."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from support.cliffords import random_gates
from support.exact import assert_likely
from support.noise import depolarizing
from support.programs import h, program, x

from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.circuit.expression import Binary, Bits, Bool, Clbit, Constant, Uint, Unary, Var
from simulator.circuit.instructions import (
    Box,
    Break,
    Case,
    Continue,
    For,
    IfElse,
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
from simulator.circuit.pauli_sum import PauliSum, mask_of
from simulator.circuit.program import Program, Variable
from simulator.execution import run_shard
from simulator.monitor import no_checkpoint
from simulator.options import Method, Options
from simulator.shards.part import merge
from simulator.shards.result import Outcome
from simulator.shards.shard import Experiment, Shard
from simulator.split import split
from simulator.stabilizer import STABILIZER
from simulator.stabilizer.cohorts import cohorts_at_end, most_waiting
from simulator.stabilizer.draws import BLOCK
from simulator.stabilizer.layering.compiler import compile_program

QUBITS, CLBITS = 3, 4


def ran(
    circuit: Program,
    method: Method = "stabilizer",
    *,
    shots: int = 8192,
    first: int = 0,
    seed: int = 1,
    sums: tuple[PauliSum, ...] = (),
) -> Outcome:
    options = Options("counts", first + shots, memory=True, method=method, expectations=bool(sums))
    experiment = Experiment(0, seed, circuit, first=first, shots=shots, observables=sums)
    (outcome,) = run_shard(Shard(options, (experiment,))).outcomes
    assert isinstance(outcome, Outcome)
    assert outcome.failure is None, outcome.failure
    return outcome


def sample(outcome: Outcome) -> NDArray[np.int64]:
    assert outcome.memory is not None
    return np.array([int(key, 16) for key in outcome.memory])


def assert_alike(one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
    """Chi-squared of two samples of the same size, to 5 sigma."""
    found, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    first, second = (np.bincount(part, minlength=found.size) for part in np.split(codes, 2))
    chi, free = float(((first - second) ** 2 / (first + second)).sum()), found.size - 1
    assert chi <= free + 5 * np.sqrt(2 * free) + 5


@dataclass
class Writer:
    """Writes random programs with control flow of all kinds, which end."""

    rng: np.random.Generator
    loops: int = 0

    def straight(self) -> list[Instruction]:
        found: list[Instruction] = list(random_gates(QUBITS, 4, self.rng))
        one, other = map(int, self.rng.permutation(QUBITS)[:2])
        found += [Noise(0, (other,)), Measure(one, self.clbit)]
        if self.rng.integers(3) == 0:
            found.append(Reset(other))
        if self.rng.integers(3) == 0:
            found.append(Readout((self.clbit,), Array.of(np.array([[0.9, 0.1], [0.3, 0.7]]))))
        # What parts no shots, in a segment between others.
        found.append(IfElse(Clbit(self.clbit), (x(one), Store(Clbit(self.clbit), Clbit(self.clbit)))))
        return found

    @property
    def clbit(self) -> int:
        return int(self.rng.integers(CLBITS))

    def body(self, depth: int) -> tuple[Instruction, ...]:
        found = self.straight() if self.rng.integers(2) else [h(int(self.rng.integers(QUBITS)))]
        return (*found, *(self.flow(depth - 1) if depth > 1 else ()))

    def flow(self, depth: int) -> list[Instruction]:
        kind = self.rng.integers(5)
        if kind == 0:
            other = self.body(depth) if self.rng.integers(2) else ()
            return [IfElse(Clbit(self.clbit), self.body(depth), other)]
        if kind == 1:
            cases = [Case(("0x0", "0x3"), self.body(depth)), Case(("0x1",), self.body(depth))]
            default = [Case((), (h(0),))] if self.rng.integers(2) else []
            return [Switch(Bits((0, 1)), (*cases, *default))]
        if kind == 2:
            clbit = self.clbit
            again = (*self.body(depth), Reset(1), h(1), Measure(1, clbit))
            return [While(Clbit(clbit), again)]
        if kind == 3:
            leave = IfElse(Clbit(self.clbit), (h(2), Break() if self.rng.integers(2) else Continue()))
            return [For(Range(0, 3), ((*self.body(depth), leave, *self.straight()),))]
        return [Box(tuple(self.flow(depth)))]


@pytest.mark.parametrize("seed", range(16))
def test_random_programs_are_as_on_statevectors(seed: int) -> None:
    """Branches, switches and loops in each other, with breaks, noise, resets and readout errors."""
    writer = Writer(np.random.default_rng(seed))
    found = [h(0), *writer.straight(), *writer.flow(2), *writer.straight(), *writer.flow(1)]
    found += [*random_gates(QUBITS, 3, writer.rng), *(Measure(qubit, qubit) for qubit in range(QUBITS))]
    circuit = program(QUBITS, CLBITS, *found, channels=(depolarizing(0.2),))
    assert compile_program(circuit, no_checkpoint).code
    assert_alike(sample(ran(circuit, seed=seed)), sample(ran(circuit, "statevector", seed=seed)))


@pytest.mark.rule(32)
@pytest.mark.parametrize("seed", range(4))
def test_a_shot_is_the_same_however_shots_are_cut(seed: int) -> None:
    """Alone, in parts at odd places, and as shards of a job: each shot's memory, bit for bit."""
    writer = Writer(np.random.default_rng(100 + seed))
    found = [*writer.straight(), *writer.flow(2), *writer.straight(), *writer.flow(1), h(0)]
    found += [Measure(qubit, qubit) for qubit in range(QUBITS)]
    circuit = program(QUBITS, CLBITS, *found, channels=(depolarizing(0.1),))
    whole = ran(circuit, shots=5000).memory
    assert whole is not None and len(set(whole)) > 2
    cuts = [0, 1, 900, 1024, 3333, 5000]
    parts = [ran(circuit, first=start, shots=end - start).memory for start, end in pairwise(cuts)]
    assert [key for part in parts for key in part or ()] == whole
    options = Options("counts", 5000, memory=True, method="stabilizer")
    shards = list(split(options, [Experiment(0, 1, circuit)], 3))
    assert merge(map(run_shard, shards)).outcomes[0].memory == whole  # type: ignore[union-attr]


def until_zero(count: int) -> Program:
    """Qubits in a GHZ state again and again, until the first is measured as 0, with how many rounds it took."""
    chain = tuple(x(qubit + 1, qubit) for qubit in range(count - 1))
    add = Store(Var(0), Binary("add", Uint(8), Var(0), Constant(Uint(8), "0x1")))
    body = (h(0), *chain, Measure(0, 0), add, *chain[::-1])
    again = While(Clbit(0), body)
    few = IfElse(Binary("equal", Bool(), Var(0), Constant(Uint(8), "0x1")), (x(1),))
    return program(count, 2, *body, again, few, Measure(1, 1), variables=(Variable("rounds", Uint(8)),))


def with_a_value(circuit: Program) -> Program:
    """The program with its variable set at the beginning."""
    start = Store(Var(0), Constant(Uint(8), "0x0"))
    return program(
        circuit.num_qubits, circuit.num_clbits, start, *circuit.instructions, variables=circuit.variables
    )


def test_loops_that_shots_leave_at_different_rounds() -> None:
    """Half of the shots take one round: the others have not had X on qubit 1, whatever the width."""
    for count in (2, 100):
        outcome = ran(with_a_value(until_zero(count)))
        assert outcome.counts is not None and outcome.run is not None
        assert outcome.run.method == "stabilizer"
        assert_likely(outcome.counts, {"0x0": 0.5, "0x2": 0.5})


def test_indices_of_a_loop_are_its_variable() -> None:
    """Each round has its index, a body of its own where there are several, and a break ends it."""
    variables = (Variable("index", Uint(8)),)
    is_three = Binary("equal", Bool(), Var(0), Constant(Uint(8), "0x3"))
    hadamards = (h(0), h(0))
    leave = IfElse(is_three, (*hadamards, Break()))
    one_body = For(Range(1, 9), ((x(0), leave),), 0)
    each_its_own = For((5, 3, 7), ((x(1),), (Continue(), x(1)), (x(2), IfElse(Clbit(0), (h(2),)))), 0)
    circuit = program(3, 3, one_body, each_its_own, *(Measure(q, q) for q in range(3)), variables=variables)
    assert ran(circuit, shots=10).counts == {"0x7": 10}


def test_switches_have_the_first_case_that_fits() -> None:
    """A value in two cases is the first one's; the default has the rest, and nothing behind it is looked at."""
    hh = (h(3), h(3))
    switch = Switch(
        Bits((0, 1)),
        (Case(("0x1",), (*hh, x(2))), Case(("0x1", "0x2"), (*hh, x(3))), Case((), (*hh, x(2), x(3)))),
    )
    circuit = program(4, 4, h(0), h(1), Measure(0, 0), Measure(1, 1), switch, Measure(2, 2), Measure(3, 3))
    counts = ran(circuit).counts
    assert counts is not None
    assert_likely(counts, dict.fromkeys(["0xc", "0x5", "0xa", "0xf"], 0.25))


@pytest.mark.parametrize("seed", range(3))
def test_expectation_values_are_means_over_cohorts(seed: int) -> None:
    """As on statevectors, to 5 sigma of 20,000 shots, the identity among the strings."""
    writer = Writer(np.random.default_rng(200 + seed))
    found = [*writer.straight(), *writer.flow(2), *random_gates(QUBITS, 3, writer.rng)]
    circuit = program(QUBITS, CLBITS, *found, Measure(0, 0), channels=(depolarizing(0.1),))
    strings = [(flips, signs) for flips in range(8) for signs in range(8)]
    sums = tuple(PauliSum((mask_of(flips),), (mask_of(signs),), (1.0,)) for flips, signs in strings)
    ours, theirs = (ran(circuit, method, shots=20_000, sums=sums) for method in ("stabilizer", "statevector"))
    assert ours.expectations is not None and theirs.expectations is not None
    assert np.abs(ours.expectations.ndarray() - theirs.expectations.ndarray()).max() < 5 * np.sqrt(2 / 20_000)
    assert ours.expectations.ndarray()[0] == 1


def test_few_cohorts_wait_whatever_the_program() -> None:
    """Twelve coins in a row part shots in as many ways as there are shots: what waits is the logarithm of that."""
    coins = [
        each
        for round_ in range(12)
        for each in (h(0), Measure(0, round_ % 4), IfElse(Clbit(round_ % 4), (h(1), x(2, 1))))
    ]
    circuit = program(3, 4, *coins)
    compiled = compile_program(circuit, no_checkpoint)
    wanted = np.full(BLOCK // 64, ~np.uint64(0))
    found = [
        int(np.unpackbits(cohort.memory.wanted.view(np.uint8)).sum())
        for cohort in cohorts_at_end(compiled, wanted, [0], seed=3, checkpoint=no_checkpoint)
    ]
    assert sum(found) == BLOCK
    assert len(found) > 800
    assert most_waiting(BLOCK, 2) == 11
    assert most_waiting(BLOCK, 4) == 16


def test_admission_knows_what_cohorts_take() -> None:
    """A program that parts shots needs more than one that does not, and more for more shots, up to a bound."""
    asked = Options("counts", 10**6, method="stabilizer")
    straight = program(1000, 2, h(0), Measure(0, 0), IfElse(Clbit(0), (x(1),)))
    parted = program(1000, 2, h(0), Measure(0, 0), IfElse(Unary("logic_not", Bool(), Clbit(0)), (h(1),)))
    assert engine_for(parted, asked) is STABILIZER
    needed = [
        STABILIZER.prepare(circuit, asked, (), no_checkpoint).bytes_required(shots, no_checkpoint)
        for circuit, shots in [
            (straight, 10**5),
            (parted, 1000),
            (parted, 10**5),
            (parted, 10**6),
            (parted, 10**7),
        ]
    ]
    assert needed == sorted(needed)
    # Blocks go together up to a bound; beyond it only the memories grow.
    assert needed[4] - needed[3] < 100 * 10**6
