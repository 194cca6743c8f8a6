"""What a program takes on stabilizers, before it runs: seconds and bytes, from its size alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.circuit.channel import Channel
from simulator.circuit.instructions import Barrier, Measure, Noise, Reset, Switch
from simulator.circuit.pauli_sum import PauliSum, numbers
from simulator.circuit.program import Program
from simulator.circuit.remembered import remembered
from simulator.circuit.traversal import walk
from simulator.cost import Work
from simulator.stabilizer.cohorts import blocks_together, most_waiting
from simulator.stabilizer.draws import BLOCK, IN_CACHE, MOST_EVENTS, fitting_blocks
from simulator.stabilizer.layering.control_flow import any_parts_shots, unrolled_size

#: Seconds of a run of nothing, and of an instruction, from its matrix to its layer. These and those below are
#: measured.
_RUN_SECONDS = 2e-3
_INSTRUCTION_SECONDS = 3e-6
#: Seconds of 64 qubits of a row of the tableau, where a gate or a measurement that is not certain changes it.
_GATE_WORD_SECONDS = 20e-9
_MEASURE_WORD_SECONDS = 2e-9
#: Seconds that a block of shots takes whatever the program, for an instruction, for each event of noise, and for
#: a clbit.
_EACH_BLOCK_SECONDS = 0.15e-3
_BLOCK_SECONDS = 0.3e-6
_EVENT_SECONDS = 60e-9
_CLBIT_SECONDS = 1e-6
#: Seconds of a Pauli string, and of 64 qubits of each of its Paulis' rows.
_STRING_SECONDS = 5e-6
_PAULI_WORD_SECONDS = 20e-9
#: Bytes of an instruction in its layer, and of an event.
_INSTRUCTION_BYTES = 400
_EVENT_BYTES = 200
#: Bytes of a Pauli string, and of each of its Paulis; and of what is read together.
_STRING_BYTES, _PAULI_BYTES, _READING_BYTES = 400, 64, 16 << 20
#: Copies of a shot's memory that are there at once, and of the tableau.
_SHOT_COPIES = 4
_TABLEAU_COPIES = 3
#: Copies of a cohort that are there while it runs a segment, with what is drawn.
_WORK_COPIES = 3
#: Copies of the rows of blocks, and of blocks where one alone is larger than a cache.
_ROW_COPIES, _LARGE_BLOCKS = 3, 8
#: Bytes of all else.
_LEAST_BYTES = 1 << 21


@dataclass(frozen=True, slots=True)
class Size:
    """What is counted of a program."""

    instructions: int
    measures: int
    #: Expected events of noise in a shot.
    events: float


@remembered
def size_of(program: Program) -> Size:
    """Count what a program's cost depends on; loops are unrolled."""
    kinds = Counter(map(type, walk(program.instructions)))
    channels = Counter([each.channel for each in walk(program.instructions) if type(each) is Noise])
    events = sum(_events_of(program.channels[number]) * count for number, count in channels.items())
    size = unrolled_size(program.instructions) - kinds[Barrier]
    return Size(size, kinds[Measure] + kinds[Reset], events)


def _events_of(channel: Channel) -> float:
    """Return how probable it is that a channel does anything."""
    pairs = zip(channel.probabilities, channel.alternatives, strict=True)
    return sum(probability for probability, steps in pairs if steps)


def work_of(program: Program, shots: int, *, final: bool) -> Work:
    """Estimate what a run takes on one core; ``final``: it only measures at its end."""
    size, words = size_of(program), -(-program.num_qubits // 64)
    seconds = _RUN_SECONDS + size.instructions * (_INSTRUCTION_SECONDS + words * _GATE_WORD_SECONDS)
    # Each measurement may be one that is not certain.
    seconds += size.measures * program.num_qubits * words * _MEASURE_WORD_SECONDS
    blocks = -(-shots // BLOCK)
    of_block = _EACH_BLOCK_SECONDS + program.num_clbits * _CLBIT_SECONDS + BLOCK * size.events * _EVENT_SECONDS
    of_block += 0 if final else size.instructions * _BLOCK_SECONDS
    return Work(seconds + blocks * of_block, grows_with_shots=blocks > 1 and not final)


def bytes_of(program: Program, shots: int) -> int:
    """Return the bytes that a run takes at most, beside its result."""
    size, qubits = size_of(program), program.num_qubits
    words = -(-qubits // 64)
    tableau = _TABLEAU_COPIES * 2 * 2 * qubits * words * 8
    # Elimination has a row for each clbit, as wide as they are many, and one byte of each for a while.
    measured = min(size.measures, program.num_clbits)
    tableau += measured * (words * 8 + measured // 4 + min(measured, 1 << 12))
    rows = 2 * qubits + program.num_clbits + size.measures
    # Rows of one block, or of as many as a cache holds.
    block = max(_ROW_COPIES * IN_CACHE, _LARGE_BLOCKS * _ROW_COPIES * rows * BLOCK // 8)
    block += fitting_blocks(program.num_clbits + 2 * qubits, size.events) * int(BLOCK * size.events * _EVENT_BYTES)
    of_shots = _SHOT_COPIES * shots * -(-program.num_clbits // 8)
    if any_parts_shots(program.instructions):
        together = min(shots, blocks_together(qubits, 0) * BLOCK)
        # Each cohort has a tableau, and its shots' frames and clbits.
        of_cohort = tableau + rows * (together // 8 + BLOCK)
        return (
            _LEAST_BYTES
            + size.instructions * _INSTRUCTION_BYTES
            + of_shots
            + int(max(MOST_EVENTS, BLOCK * size.events) * _EVENT_BYTES if size.events else 0)
            + (of_cohort * (_WORK_COPIES + most_waiting(together, _ways(program))))
        )
    return _LEAST_BYTES + size.instructions * _INSTRUCTION_BYTES + tableau + block + of_shots


def _ways(program: Program) -> int:
    """Return in how many ways shots go on behind an instruction, at most; at least 2."""
    cases = [len(each.cases) for each in walk(program.instructions) if isinstance(each, Switch)]
    return 1 + max(cases, default=1)


def observing_seconds(program: Program, observables: Sequence[PauliSum]) -> float:
    """Estimate what expectation values take on one core, beside the run."""
    strings, paulis = _strings_and_paulis(observables)
    words = -(-program.num_qubits // 64)
    return strings * _STRING_SECONDS + paulis * words * _PAULI_WORD_SECONDS


def observing_bytes(program: Program, observables: Sequence[PauliSum]) -> int:
    """Return the bytes that expectation values take at most, beside the run."""
    if not observables:
        return 0
    strings, paulis = _strings_and_paulis(observables)
    # The program without its final measurements has a tableau and layers of its own.
    return bytes_of(program, 0) + _READING_BYTES + strings * _STRING_BYTES + paulis * _PAULI_BYTES


def _strings_and_paulis(observables: Sequence[PauliSum]) -> tuple[int, int]:
    strings = sum(len(each.x) for each in observables)
    masks = ((x | z) for each in observables for x, z in zip(numbers(each.x), numbers(each.z), strict=True))
    return strings, sum(mask.bit_count() for mask in masks)
