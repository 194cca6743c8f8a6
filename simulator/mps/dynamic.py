"""Run programs that measure, reset or have noise on the way: shots with the same history share a state.

What is drawn is a shot's own, and a state is a function of its history, so counts are the same however shots are
cut. Of many histories, each has its own state, which takes its own time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.pauli_sum import PauliSum
from simulator.dynamic.branches import Branch, History
from simulator.dynamic.bytecode import Bytecode
from simulator.dynamic.interpreter import Interpreter
from simulator.method import CircuitResult
from simulator.monitor import Checkpoint, Monitor
from simulator.mps.evolve import Truncation, begun
from simulator.mps.reading import expectation_values, sample, truncation_of
from simulator.mps.state import MatrixProductState
from simulator.mps.states import LocalCircuits, MatrixProductStates
from simulator.observables import MeanExpectations
from simulator.piecewise import integers
from simulator.rng import BLOCK, Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.sampling.readout_errors import read_bits
from simulator.shards.metadata import TruncationMetadata


def run_dynamic(  # noqa: PLR0913 (the options of a run)
    bytecode: Bytecode,
    truncation: Truncation,
    *,
    initial: NDArray[Any] | None,
    most_bytes: int,
    seed: int,
    first: int,
    shots: int,
    memory: bool,
    counts: bool,
    observables: Sequence[PauliSum],
    monitor: Monitor,
) -> tuple[CircuitResult, TruncationMetadata]:
    """Run some shots of a program.

    Args:
        bytecode: the program.
        truncation: what may be cut off.
        initial: the amplitudes before all instructions, shape (2^qubits,); None: |0...0>.
        most_bytes: the bytes that a state may have.
        seed: with the program it fixes every outcome.
        first: the number of the first shot: shots that are run apart are the same that they are together.
        shots: how many.
        memory: whether to give each shot's outcome.
        counts: whether to give counts at all.
        observables: whose mean expectation values to take before the final measurements.
        monitor: its checkpoint is called before every kernel; its report is told the fraction that is done.

    Raises MemoryRefusedError where bonds grow beyond all limits.
    """
    checkpoint, num_qubits = monitor.checkpoint, bytecode.timeline.program.num_qubits
    counted = shots if counts else 0
    means = MeanExpectations(observables, num_qubits, shots, checkpoint)
    shot_counts = ShotCounts(counted, memory=memory, first=first, checkpoint=checkpoint)
    reader = _Reader(bytecode, Uniforms(seed), shot_counts, checkpoint)
    worst = TruncationMetadata(1, 1.0, 0.0)
    if counted or (shots and observables):
        start = begun(num_qubits, truncation, initial, checkpoint, most_bytes)
        states = MatrixProductStates([start], LocalCircuits(num_qubits), most_bytes)
        numbers, ended = integers(first, shots, checkpoint), 0
        for branch in Interpreter(bytecode, reader.uniforms, monitor).run(states, numbers):
            for state in branch.states.states:
                state.canonicalize()
                worst += truncation_of(state)
            if observables:
                wire_of = range(num_qubits)
                values = [
                    expectation_values(state, wire_of, observables, checkpoint) for state in branch.states.states
                ]
                means.add_values(branch, np.array(values))
            if counted:
                reader.read(branch)
            ended += branch.num_shots
            monitor.report(ended / shots)
    result = CircuitResult(
        *shot_counts.results(), expectations=means.values, standard_errors=means.standard_errors
    )
    return result, worst


@dataclass(slots=True)
class _Reader:
    """Samples the final measurements of branches, and counts what is read."""

    bytecode: Bytecode
    uniforms: Uniforms
    shot_counts: ShotCounts
    checkpoint: Checkpoint
    #: Clbit -> the qubit whose outcome it has at the end; the last measurement into it stays.
    qubit_of_clbit: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.qubit_of_clbit = {measure.clbit: measure.qubit for measure in self.bytecode.timeline.final}

    def read(self, branch: Branch[MatrixProductStates]) -> None:
        """Count all shots of a branch, whose states have their centres at the first sites."""
        for history, numbers in _shots_of_histories(branch):
            state = branch.states.states[history.state]
            for start in range(0, numbers.size, BLOCK):
                some = numbers[start : start + BLOCK]
                words = self.shot_counts.words(self._memories(state, history, some))
                if self.shot_counts.remembers:
                    self.shot_counts.put(some, words)
                else:
                    self.shot_counts.add(words, np.ones(words.size, np.int64))

    def _memories(
        self, state: MatrixProductState, history: History, shots: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Return the memories of shots of one history, shape (shots, clbits)."""
        num_clbits, num_qubits = self.bytecode.timeline.program.num_clbits, len(state.tensors)
        written = history.classical.memory.to_bytes(-(-num_clbits // 8), "little")
        bits = np.unpackbits(np.frombuffer(written, np.uint8), bitorder="little")[:num_clbits]
        memories = np.repeat(bits[None], shots.size, axis=0)

        def uniforms_of(qubit: int) -> NDArray[np.float64]:
            return self.uniforms.draw(shots, history.draws + qubit, self.checkpoint)

        qubits = sorted(set(self.qubit_of_clbit.values()))
        outcomes = sample(state, qubits, uniforms_of, shots.size, self.checkpoint, one_by_one=True)
        for clbit, qubit in self.qubit_of_clbit.items():
            memories[:, clbit] = outcomes[:, qubits.index(qubit)]
        sampled_by = history.draws + num_qubits - 1
        readouts = self.bytecode.timeline.readouts
        read_bits(readouts, memories, shots, sampled_by, self.uniforms, self.checkpoint)
        return memories


def _shots_of_histories(branch: Branch[Any]) -> Iterator[tuple[History, NDArray[np.int64]]]:
    """Yield each history with the numbers of its shots, ascending."""
    histories = branch.history_of_group.take(branch.shots.groups)
    order = np.lexsort((branch.shots.numbers, histories))
    ends = np.searchsorted(histories[order], np.arange(len(branch.histories) + 1))
    for history, start, end in zip(branch.histories, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        if start < end:
            yield history, branch.shots.numbers[order[start:end]]
