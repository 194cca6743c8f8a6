"""What a Program will take, before it runs: bytes for admission, seconds for cutting a job into shards."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from simulator.circuit.contents import walk
from simulator.circuit.instructions import (
    Diagonal,
    Unitary,
)
from simulator.circuit.program import MAX_QUBITS, Program
from simulator.dynamic.bytecode import Bytecode
from simulator.dynamic.limits import peak_states
from simulator.dynamic.timeline import Timeline
from simulator.errors import MemoryRefusedError
from simulator.kernels.threads import thread_count
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan import is_rotation
from simulator.sampling.tally import WORD_BITS
from simulator.shards.shards import Method, Options, Precision
from simulator.tuning import CACHE_BITS

#: Bits of a state that NumPy can address; memory ends far earlier.
_MAX_STATE_BITS = 48
_BYTES_PER_AMPLITUDE: Mapping[Precision, int] = MappingProxyType({"double": 16, "single": 8})
#: States that a result is until it has gone: the run's own, which becomes the result, and the message with it.
_STATES_OF_A_RESULT = 2
#: Measured: what a run takes beside its states. Gathers that are kept, and the buffers of a few threads,
_WORKSPACE = 16 << 20
#: and of each thread more;
_THREADS, _BYTES_PER_THREAD = 6, 1 << 20
#: but in states so narrow that all is small no more than as many states;
_WORKSPACE_STATES = 16
#: and the plan, for each instruction; real blocks have a qubit more, and so larger matrices.
_BYTES_PER_INSTRUCTION, _BYTES_PER_REAL_INSTRUCTION = 5 << 10, 10 << 10
#: Measured: each shot's number, draws and outcome; its place in the memory; an outcome's key and count, or those
#: of one that is no word.
_BYTES_PER_SHOT, _BYTES_PER_REMEMBERED, _BYTES_PER_OUTCOME, _BYTES_PER_WIDE_OUTCOME = 64, 16, 220, 480
#: Of a count, or of what a string's length takes, in a message.
_BYTES_PER_NUMBER = 9
#: Bytes of an outcome beside its values and its names: numbers, times, and what msgpack puts between.
_BYTES_PER_OUTLINE = 128
#: Calls and draws that no run comes to the end of.
_ENDLESS = 10**18
#: Rounds that a while loop is expected to take.
_ROUNDS = 8
#: Measured on one core, in seconds: a run of nothing; an instruction, from decoding to its part of a plan;
_RUN_SECONDS, _INSTRUCTION_SECONDS = 2e-4, 15e-6
#: what it does to an amplitude, by fused products, and a dense matrix, of which few go into one product;
_AMPLITUDE_SECONDS, _DENSE_SECONDS = 0.4e-9, 1.5e-9
#: a branch at a measurement, and each amplitude of it;
_BRANCH_SECONDS, _BRANCH_AMPLITUDE_SECONDS = 4e-6, 3e-9
#: a shot's random number, and an outcome.
_DRAW_SECONDS, _OUTCOME_SECONDS = 1e-8, 1e-7
#: Qubits up to which rows of a sweep are run together; then the same as above, of a row.
ROW_QUBITS = 12
#: Instructions of all of them, which have a matrix in each row, and the bytes of one with what is made of it.
_ROWS_INSTRUCTIONS, _BYTES_PER_ROW_INSTRUCTION = 1 << 15, 1 << 10
_ROW_SECONDS, _ROW_INSTRUCTION_SECONDS, _ROW_AMPLITUDE_SECONDS = 5e-6, 0.2e-6, 0.6e-9


def refuse_beyond_memory(timeline: Timeline) -> None:
    """Raise `MemoryRefusedError` where a state is larger than any memory."""
    if timeline.num_bits > _MAX_STATE_BITS:
        base = 4 if timeline.method == "unitary" else 2
        raise MemoryRefusedError(
            f"{timeline.width} qubits need 32 * {base}^{timeline.width} bytes: more than any machine has"
        )


def bytes_required(
    bytecode: Bytecode, shots: int, precision: Precision, checkpoint: Checkpoint = no_checkpoint
) -> int:
    """Return the bytes that a run takes at most, beside those for its shots, until its result has gone.

    A state has 16 bytes an amplitude, or half of it in single precision. Counts take one, half of it where all
    amplitudes are real, as they may be if the run begins in |0...0>; a statevector or unitary takes two, and so do
    counts where qubits come and go. A dynamic circuit holds a state per branch; the worst case is 2 + log2(shots)
    states, or, while states are so small that branches wait for each other, 64 MiB more. Where final measurements
    are not done at once, they branch, too.
    """
    timeline = bytecode.timeline
    state = _BYTES_PER_AMPLITUDE[precision] << timeline.num_bits
    real = bytecode.real and timeline.from_ground and timeline.method != "unitary"
    num_instructions = widest_diagonal = 0
    for instruction in with_checkpoints(walk(timeline.program.instructions), checkpoint):
        num_instructions += 1
        if isinstance(instruction, Diagonal):
            # It is copied as numbers of the state's type.
            widest_diagonal = max(widest_diagonal, len(instruction.diagonal.data))
    plan = num_instructions * (_BYTES_PER_REAL_INSTRUCTION if real else _BYTES_PER_INSTRUCTION) + widest_diagonal
    checkpoint()
    counted = timeline.method == "qasm"
    states = _counted_bytes(timeline, shots, state, real=real) if counted else _STATES_OF_A_RESULT * state
    return states + _workspace(state) + plan


def shots_bytes(program: Program, method: Method, shots: int, *, memory: bool) -> int:
    """Return the bytes that a run needs at most for its shots, beside its states."""
    if method != "qasm":
        return 0
    outcome = _BYTES_PER_OUTCOME if program.num_clbits <= WORD_BITS else _BYTES_PER_WIDE_OUTCOME
    shot = _BYTES_PER_SHOT + (_BYTES_PER_REMEMBERED if memory else 0)
    return shots * shot + min(shots, 1 << program.num_clbits) * outcome


def sweep_bytes(bytecode: Bytecode, rows: int, options: Options) -> int:
    """Return the bytes that so many rows of a sweep, whose template is compiled, take at most if run together."""
    template = bytecode.timeline.program
    result = result_bytes(template, options.method, options.precision)
    shots = options.shots if options.method == "qasm" else 1
    numbers = min(shots, 1 << template.num_clbits) * 2 + (shots if options.memory else 0)
    required = bytes_required(bytecode, shots, options.precision)
    together = min(rows, rows_together(template, bytecode.timeline.width))
    required += together * len(template.instructions) * _BYTES_PER_ROW_INSTRUCTION
    return required + rows * (_STATES_OF_A_RESULT * result + _BYTES_PER_NUMBER * numbers)


def rows_together(template: Program, num_qubits: int) -> int:
    """Return how many rows of a sweep go through a step together, whose states have so many qubits."""
    amplitudes = 1 << CACHE_BITS >> num_qubits
    return max(1, min(amplitudes, _ROWS_INSTRUCTIONS // max(1, len(template.instructions))))


def max_qubits(memory: int, method: Method, precision: Precision = "double") -> int:
    """Return the widest circuit, short and without branches, that fits ``memory`` bytes; 0 where none does."""

    def fits(width: int) -> bool:
        state = _BYTES_PER_AMPLITUDE[precision] << (2 * width if method == "unitary" else width)
        return (1 if method == "qasm" else _STATES_OF_A_RESULT) * state + _workspace(state) <= memory

    # An amplitude has more than a byte. A client asks this at each run.
    widest = min(MAX_QUBITS, memory.bit_length())
    return next((width for width in range(widest, 0, -1) if fits(width)), 0)


def result_bytes(program: Program, method: Method, precision: Precision = "double") -> int:
    """Return the bytes of a result's statevector or unitary; 0 for counts."""
    return (
        0
        if method == "qasm"
        else _BYTES_PER_AMPLITUDE[precision]
        << (2 * program.num_qubits if method == "unitary" else program.num_qubits)
    )


def readout_bytes(program: Program, shots: int, *, memory: bool) -> int:
    """Return the bytes of a result's counts, memory and header, at most, but for `caption_bytes`."""
    key = len("0x") + -(-program.num_clbits // 4) + _BYTES_PER_NUMBER
    header = program.header
    named = sum(
        len(register.name.encode()) + (1 + len(register.bits)) * _BYTES_PER_NUMBER
        for register in (*header.qregs, *header.cregs)
    )
    outline = _BYTES_PER_OUTLINE + named
    return min(shots, 1 << program.num_clbits) * key + (shots * key if memory else 0) + outline


def caption_bytes(name: str, metadata: str | None) -> int:
    """Return the bytes of a circuit's name and metadata."""
    return len(name.encode()) + len((metadata or "").encode())


class Work(NamedTuple):
    """What a run takes of one core: a rough estimate, within a factor of a few."""

    seconds: float
    #: Whether fewer shots would take that much less time: hardly any two of them may share a state.
    grows_with_shots: bool


def work(timeline: Timeline, shots: int) -> Work:
    """Estimate what a run takes."""
    # Loops of many rounds in each other would be more than a float holds.
    amplitudes = _amplitudes(timeline)
    calls = min(timeline.calls(_ROUNDS), _ENDLESS)
    dense = sum(isinstance(each, Unitary) or is_rotation(each) for each in timeline.program.instructions)
    evolving = _RUN_SECONDS + calls * (_INSTRUCTION_SECONDS + amplitudes * _AMPLITUDE_SECONDS)
    evolving += dense * amplitudes * _DENSE_SECONDS
    if timeline.method != "qasm":
        return Work(evolving, grows_with_shots=False)
    draws = min(timeline.draws(_ROUNDS), _ENDLESS)
    # How many states the shots may part into.
    branches = max(1, min(shots, 1 << min(draws, 60)))
    # A branch begins, on average, half way.
    branching = draws * (_BRANCH_SECONDS + amplitudes * _BRANCH_AMPLITUDE_SECONDS)
    branching += calls * amplitudes * _AMPLITUDE_SECONDS + dense * amplitudes * _DENSE_SECONDS
    seconds = evolving + (branches - 1) * branching / 2 + _readout_seconds(timeline.program, draws, shots)
    return Work(seconds, grows_with_shots=1 < shots == branches)


def row_seconds(timeline: Timeline, options: Options) -> float:
    """Return the time that a row of a sweep takes on one core, as roughly; the timeline is its template's."""
    template = timeline.program
    apart = timeline.method == "unitary" or timeline.width > ROW_QUBITS or not timeline.evolves
    if apart:
        return work(timeline, options.shots).seconds
    amplitudes = _amplitudes(timeline)
    evolving = len(template.instructions) * (_ROW_INSTRUCTION_SECONDS + amplitudes * _ROW_AMPLITUDE_SECONDS)
    shots = options.shots if options.method == "qasm" else 0
    return _ROW_SECONDS + evolving + _readout_seconds(template, 0, shots)


def _counted_bytes(timeline: Timeline, shots: int, state: int, *, real: bool) -> int:
    """Return the bytes of the states of a run to counts."""
    most = peak_states(state, shots, shots)
    draws = timeline.draws(most)
    histories = min(shots, 1 << min(draws, most))
    if histories <= 1:
        # One that qubits are taken out of, or brought to, and what becomes of it.
        alive = 2 if timeline.frees else 1
        return alive * state // 2 if real else alive * state
    return (1 + peak_states(state, shots, histories)) * state


def _workspace(state: int) -> int:
    threads = max(0, thread_count() - _THREADS)
    return min(_WORKSPACE + threads * _BYTES_PER_THREAD, _WORKSPACE_STATES * state)


def _amplitudes(timeline: Timeline) -> float:
    return float(1 << min(timeline.num_bits, 1000))


def _readout_seconds(program: Program, draws: int, shots: int) -> float:
    outcomes = min(shots, 1 << min(program.num_clbits, 60))
    return shots * (1 + draws) * _DRAW_SECONDS + outcomes * _OUTCOME_SECONDS
