"""Run a program on stabilizers: the classical memory of each of some shots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import SILENT, Monitor
from simulator.stabilizer.cohorts import Cohort, blocks_together, cohorts_at_end
from simulator.stabilizer.draws import BLOCK, Draws, fitting_blocks
from simulator.stabilizer.elimination import FinalOutcomes, final_outcomes
from simulator.stabilizer.frames import begin, drawn, run_frames
from simulator.stabilizer.layering.code import Run
from simulator.stabilizer.layering.compiler import Compiled
from simulator.stabilizer.layering.layers import ReadoutPlaces
from simulator.stabilizer.layering.rows import Words
from simulator.stabilizer.memory import Memory
from simulator.stabilizer.reference import Reference, run_reference
from simulator.stabilizer.samples import memories
from simulator.stabilizer.tableau import Tableau


def run_shots(
    compiled: Compiled, *, seed: int, shots: int, first: int = 0, monitor: Monitor = SILENT
) -> Iterator[NDArray[np.uint8]]:
    """Yield the memories of shots from the first on, some at a time, shape (shots, bytes): bit i is clbit i.

    Shots that are run apart are the same that they are together.
    """
    program, segment, draws = compiled.program, compiled.segment, Draws(seed)
    if compiled.code:
        yield from _run_cohorts(compiled, seed=seed, shots=shots, first=first, monitor=monitor)
        return
    final = reference = None
    if segment.final:
        final = final_outcomes(segment, monitor.checkpoint)
    else:
        reference = run_reference(segment, Tableau(segment.num_qubits), monitor.checkpoint)
    rows = program.num_clbits + (0 if final else 2 * segment.num_qubits)
    together = fitting_blocks(rows, compiled.tables.events(segment))
    for some in _blocks(first, shots, together, monitor):
        memory = Memory(program.num_clbits, program.variables, some.wanted)
        if final is not None:
            _run_final(compiled, final, memory, draws, some)
        elif reference is not None:
            _run_frames(compiled, reference, memory, draws, some, monitor)
        yield memories(memory.clbits)[some.before : some.behind]


def _run_cohorts(
    compiled: Compiled, *, seed: int, shots: int, first: int, monitor: Monitor
) -> Iterator[NDArray[np.uint8]]:
    program = compiled.program
    for some in _blocks(first, shots, _blocks_parted(compiled), monitor):
        clbits = np.zeros((program.num_clbits, some.wanted.size), np.uint64)
        for cohort in _cohorts(compiled, some, seed, monitor):
            clbits[:, cohort.words] |= cohort.memory.clbits & cohort.memory.wanted
        yield memories(clbits)[some.before : some.behind]


def _cohorts(compiled: Compiled, some: _Blocks, seed: int, monitor: Monitor) -> Iterator[Cohort]:
    return cohorts_at_end(compiled, some.wanted, some.blocks, seed=seed, checkpoint=monitor.checkpoint)


class AtEnd(NamedTuple):
    """Shots at the end of a program, which differ from one state by their frames."""

    tableau: Tableau
    frames: Words
    #: The shots.
    wanted: Words


def states_at_end(compiled: Compiled, *, seed: int, first: int, shots: int, monitor: Monitor) -> Iterator[AtEnd]:
    """Yield all shots from the first on, some at a time.

    What the segment of a program without nodes puts off is not done yet.
    """
    program, segment = compiled.program, compiled.segment
    if compiled.code:
        for some in _blocks(first, shots, _blocks_parted(compiled), monitor):
            for cohort in _cohorts(compiled, some, seed, monitor):
                yield AtEnd(cohort.tableau, cohort.frames, cohort.memory.wanted)
        return
    tableau, draws = Tableau(segment.num_qubits), Draws(seed)
    reference = run_reference(segment, tableau, monitor.checkpoint)
    rows = program.num_clbits + 2 * segment.num_qubits
    for some in _blocks(first, shots, fitting_blocks(rows, compiled.tables.events(segment)), monitor):
        memory = Memory(program.num_clbits, program.variables, some.wanted)
        yield AtEnd(tableau, _run_frames(compiled, reference, memory, draws, some, monitor), some.wanted)


def _blocks_parted(compiled: Compiled) -> int:
    """Return how many blocks the shots of a program with nodes are parted in together."""
    segments = [node.segment for node in compiled.code if isinstance(node, Run)]
    events = max(map(compiled.tables.events, segments), default=0.0)
    return blocks_together(compiled.program.num_qubits, events)


class _Blocks(NamedTuple):
    """Some blocks of shots that go together."""

    blocks: range
    #: Where the shots that are asked for begin and end.
    before: int
    behind: int

    @property
    def wanted(self) -> Words:
        bits = np.zeros(len(self.blocks) * BLOCK, np.uint8)
        bits[self.before : self.behind] = 1
        return np.packbits(bits, bitorder="little").view(np.uint64)


def _blocks(first: int, shots: int, together: int, monitor: Monitor) -> Iterator[_Blocks]:
    """Yield the blocks of some shots, so many together, and report progress."""
    start, stop = first // BLOCK, -(-(first + shots) // BLOCK)
    for block in range(start, stop, together):
        monitor.checkpoint()
        blocks = range(block, min(block + together, stop))
        before = max(0, first - block * BLOCK)
        behind = min(len(blocks) * BLOCK, first + shots - block * BLOCK)
        yield _Blocks(blocks, before, behind)
        monitor.report((min(behind + block * BLOCK, first + shots) - first) / shots)


def _run_final(compiled: Compiled, final: FinalOutcomes, memory: Memory, draws: Draws, some: _Blocks) -> None:
    memory.clbits[:] = final.outcomes(len(memory.clbits), draws, some.blocks)
    errors = compiled.tables.readouts
    events = {
        number: errors[number].events(places, draws, some.blocks)
        for number, places in compiled.segment.readouts.items()
    }
    for layer in compiled.segment.layers:
        for operation in layer.classical:
            if isinstance(operation, ReadoutPlaces):
                errors[operation.error].apply(memory.clbits, operation, events[operation.error])


def _run_frames(
    compiled: Compiled, reference: Reference, memory: Memory, draws: Draws, some: _Blocks, monitor: Monitor
) -> Words:
    """Run shots, and return their frames at the end."""
    segment = compiled.segment
    frames = begin(segment.num_qubits, draws, some.blocks)
    own = drawn(segment, compiled.tables, draws, some.blocks, monitor.checkpoint)
    run_frames(segment, reference, compiled.tables, own, frames, memory, monitor.checkpoint)
    return frames
