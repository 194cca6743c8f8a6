"""Run gates and final measurements on a matrix product state: counts, memory, and expectation values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Measure, Readout, Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.evolve.statevector import vector
from simulator.method import CircuitResult
from simulator.monitor import Checkpoint, Monitor
from simulator.mps.evolve import Truncation, evolved
from simulator.mps.gates import LocalCircuit
from simulator.mps.reading import amplitudes, expectation_values, sample, truncation_of
from simulator.mps.state import MatrixProductState
from simulator.rng import BLOCK, Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.sampling.readout_errors import read_bits, with_readouts
from simulator.sampling.saver import Saver
from simulator.shards.metadata import TruncationMetadata

#: The share of a run that is its gates.
_EVOLVING = 0.8


def run(  # noqa: PLR0913 (the options of a run)
    circuit: LocalCircuit,
    final: Sequence[Measure],
    readouts: Sequence[Readout],
    truncation: Truncation,
    *,
    initial: NDArray[Any] | None,
    num_clbits: int,
    seed: int,
    first: int,
    shots: int,
    of_shots: int,
    memory: bool,
    observables: Sequence[PauliSum],
    saves: Sequence[Save],
    saver: Saver,
    monitor: Monitor,
) -> tuple[CircuitResult, TruncationMetadata]:
    """Run gates, and then final measurements.

    Args:
        circuit: the gates.
        final: the measurements behind all gates; none: there are no counts.
        readouts: the readout errors behind these.
        truncation: what may be cut off.
        initial: the amplitudes before all gates, shape (2^qubits,); None: |0...0>.
        num_clbits: how many clbits a memory has.
        seed: with the program it fixes every outcome.
        first: the number of the first shot: shots that are run apart are the same that they are together.
        shots: how many.
        of_shots: how many shots these are some of.
        memory: whether to give each shot's outcome.
        observables: whose expectation values to take before the final measurements.
        saves: what to keep of the state before them, which is read from all its amplitudes.
        saver: what keeps it.
        monitor: its checkpoint is called before every kernel; its report is told the fraction that is done.

    Raises MemoryRefusedError where bonds grow beyond all limits.
    """
    checkpoint = monitor.checkpoint
    state = evolved(circuit, truncation, monitor.part(0, _EVOLVING), initial)
    state.canonicalize()
    values = expectation_values(state, circuit.wire_of, observables, checkpoint) if observables else None
    if saves:
        statevector = vector(circuit.phase * amplitudes(state, circuit.wire_of, checkpoint))
        for save in saves:
            saver.of_state(save, statevector)
    shot_counts = ShotCounts(shots, memory=memory, first=first, checkpoint=checkpoint)
    column_of_clbit, wires = _columns(final, circuit)
    uniforms, end = Uniforms(seed), first + shots
    sampling = monitor.part(_EVOLVING, 1 - _EVOLVING)
    # In whole blocks, whoever has which of their shots: products of one shape round in one way.
    for start in range(first // BLOCK * BLOCK, end if shots else 0, BLOCK):
        bits = _sampled(state, wires, uniforms, range(start, min(start + BLOCK, of_shots)), checkpoint)
        own = range(max(first, start), min(end, start + BLOCK))
        numbers = np.arange(own.start, own.stop)
        memories = np.zeros((numbers.size, num_clbits), np.uint8)
        for clbit, column in column_of_clbit.items():
            memories[:, clbit] = bits[own.start - start : own.stop - start, column]
        # Behind the draws of all wires.
        read_bits(readouts, memories, numbers, circuit.num_wires - 1, uniforms, checkpoint)
        words = shot_counts.words(memories)
        if memory:
            shot_counts.put(numbers, words)
        else:
            shot_counts.add(words, np.ones(words.size, np.int64))
        sampling.report((own.stop - first) / shots)
    saved = with_readouts(saver.values(), readouts)
    return CircuitResult(*shot_counts.results(), expectations=values, saved=saved), truncation_of(state)


def _columns(final: Sequence[Measure], circuit: LocalCircuit) -> tuple[dict[int, int], list[int]]:
    """Return clbit -> column of samples, and the wire of each column; the last measurement into a clbit stays."""
    wire_of_clbit = {measure.clbit: circuit.wire_of[measure.qubit] for measure in final}
    wires = sorted(set(wire_of_clbit.values()))
    column_of = {wire: column for column, wire in enumerate(wires)}
    return {clbit: column_of[wire] for clbit, wire in wire_of_clbit.items()}, wires


def _sampled(
    state: MatrixProductState, wires: Sequence[int], uniforms: Uniforms, shots: range, checkpoint: Checkpoint
) -> NDArray[np.uint8]:
    """Return the outcomes of these shots; the number of a shot's draw is the wire."""

    def uniforms_of(wire: int) -> NDArray[np.float64]:
        return uniforms.stretch(shots.start, len(shots), wire)

    return sample(state, wires, uniforms_of, len(shots), checkpoint)
