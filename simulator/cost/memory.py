"""The bytes that a compiled program will take, before it runs; `seconds` says how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from simulator.circuit.instructions import Diagonal, Gate, Instruction, Save, Unitary
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import MAX_QUBITS, WORD_BITS, Program
from simulator.circuit.traversal import walk
from simulator.dynamic.bytecode import Bytecode
from simulator.dynamic.limits import peak_states
from simulator.dynamic.timeline import Timeline
from simulator.errors import MemoryRefusedError
from simulator.kernels.threads import thread_count
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.options import Options, Output, Precision
from simulator.piecewise import with_checkpoints
from simulator.tuning import CACHE_BITS

#: log2 of the most amplitudes that NumPy can address; memory ends far earlier.
_MAX_STATE_BITS = 48
#: Bytes of an amplitude.
_BYTES_PER_AMPLITUDE: Mapping[Precision, int] = MappingProxyType({"double": 16, "single": 8})
#: How many states a result takes until it has gone: the run's own, which becomes the result, and the message.
_STATES_OF_A_RESULT = 2
#: Bytes of a real number in a result: saved, or an expectation value.
BYTES_PER_REAL = 8
#: How often what is saved is there: the mean, what is added to it, both with the new mean, and the message.
_COPIES_OF_SAVED = 4
#: Bytes of workspace of a run: kept index arrays, and the buffers of `_THREADS` threads. Measured.
_WORKSPACE = 16 << 20
#: How many threads' buffers are in `_WORKSPACE`.
_THREADS = 6
#: Bytes of workspace of each thread more. Measured.
_BYTES_PER_THREAD = 1 << 20
#: How many states the workspace takes at most, where states are narrow.
_WORKSPACE_STATES = 16
#: Most bytes of the index arrays that are kept for narrow states; and of one instruction's, for each amplitude.
_KEPT_INDICES = 28 << 20
_INDICES_PER_AMPLITUDE = 24
#: Bytes of a plan, for each instruction. Measured.
_BYTES_PER_INSTRUCTION = 5 << 10
#: The same where all amplitudes are real: blocks have a qubit more, and so larger matrices.
_BYTES_PER_REAL_INSTRUCTION = 10 << 10
#: Bytes of a shot: its number, draws and outcome. Measured.
_BYTES_PER_SHOT = 64
#: Bytes of a shot more if its memory is asked for.
_BYTES_PER_REMEMBERED = 16
#: Bytes of an outcome's key and count, of up to `WORD_BITS` clbits.
_BYTES_PER_OUTCOME = 220
#: Bytes of an outcome's key and count, of more clbits.
_BYTES_PER_WIDE_OUTCOME = 480
#: Bytes of a count, or of a string's length, in a message.
BYTES_PER_NUMBER = 9
#: Bytes of the index of a shot's memory, where there are more than `WORD_BITS` clbits.
BYTES_PER_INDEX = 4
#: Bytes of a string of an observable, with what says how it is read. Measured.
_BYTES_PER_STRING = 4 << 10
#: Bytes of a result beside its values and its names: numbers, times, and what msgpack puts between.
_BYTES_PER_OUTLINE = 184
#: Qubits up to which rows of a sweep are run together.
ROW_QUBITS = 12
#: Bytes of the matrices of all rows that go through a step together.
_ROWS_BYTES = 48 << 20
#: Bytes of an instruction of a row, with what is made of it, where blocks have 3 qubits at most. Measured.
_BYTES_PER_ROW_INSTRUCTION = 3 << 10
#: Qubits of the gates for which all blocks grow, so that matrices have four times the entries.
_WIDE_BLOCK = 4


def refuse_beyond_memory(timeline: Timeline) -> None:
    """Raise `MemoryRefusedError` where a state is larger than any memory."""
    if timeline.num_bits > _MAX_STATE_BITS:
        base = 4 if timeline.output == "unitary" else 2
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
    real = bytecode.real and timeline.from_ground and timeline.output != "unitary"
    instructions = list(with_checkpoints(walk(timeline.program.instructions), checkpoint))
    plan = len(instructions) * (_BYTES_PER_REAL_INSTRUCTION if real else _BYTES_PER_INSTRUCTION)
    if timeline.num_bits <= ROW_QUBITS:
        plan *= _matrix_size(instructions)
        plan += min(_KEPT_INDICES, len(instructions) * _INDICES_PER_AMPLITUDE << timeline.num_bits)
    if Diagonal in map(type, instructions):
        # It is copied as numbers of the state's type.
        plan += max(len(each.diagonal.data) for each in instructions if isinstance(each, Diagonal))
    checkpoint()
    counted = timeline.output == "counts"
    states = _counted_bytes(timeline, shots, state, real=real) if counted else _STATES_OF_A_RESULT * state
    return states + _workspace(state) + plan + _saving_bytes(timeline, precision, state)


def saved_bytes(saves: Iterable[Save], precision: Precision) -> int:
    """Return the bytes of all that some instructions save, as a result has it."""
    amplitude = _BYTES_PER_AMPLITUDE[precision]
    found = 0
    for save in saves:
        width = len(save.qubits)
        if save.sums:
            found += len(save.sums) * BYTES_PER_REAL
        elif save.what in {"statevector", "density_matrix"}:
            found += amplitude << (2 * width if save.what == "density_matrix" else width)
        else:
            found += BYTES_PER_REAL << width
    return found


def states_bytes(timeline: Timeline, shots: int) -> int:
    """Return the bytes of the states that a run to counts holds at once, at most, if all are complex doubles."""
    return _counted_bytes(timeline, shots, _BYTES_PER_AMPLITUDE["double"] << timeline.num_bits, real=False)


def shots_bytes(program: Program, output: Output, shots: int, *, memory: bool) -> int:
    """Return the bytes that a run needs at most for its shots, beside its states."""
    if output != "counts":
        return 0
    outcome = _BYTES_PER_OUTCOME if program.num_clbits <= WORD_BITS else _BYTES_PER_WIDE_OUTCOME
    shot = _BYTES_PER_SHOT + (_BYTES_PER_REMEMBERED if memory else 0)
    return shots * shot + min(shots, 1 << program.num_clbits) * outcome


def sweep_bytes(bytecode: Bytecode, rows: int, options: Options, observables: Sequence[PauliSum] = ()) -> int:
    """Return the bytes that so many rows of a sweep take at most if run together; its template is compiled."""
    template = bytecode.timeline.program
    result = result_bytes(template, options.output, options.precision)
    saved = saved_bytes(bytecode.timeline.saves, options.precision)
    shots = options.drawn_shots if options.output == "counts" else 1
    numbers = min(shots, 1 << template.num_clbits) * 2 + (shots if options.memory else 0)
    required = bytes_required(bytecode, shots, options.precision)
    together = min(rows, rows_together(template, bytecode.timeline.width))
    required += together * _row_bytes(template)
    required += observing_bytes(observables, rows, together)
    kept = _STATES_OF_A_RESULT * result + _COPIES_OF_SAVED * saved
    return required + rows * (kept + BYTES_PER_NUMBER * numbers)


def observing_bytes(observables: Iterable[PauliSum], rows: int, together: int = 1) -> int:
    """Return the bytes that the values of observables in so many states take at most, ``together`` at a time."""
    sizes = [len(each.x) for each in observables]
    # Of each state a sum for each string, and once more for those of one observable.
    of_state = (sum(sizes) + max(sizes, default=0)) * BYTES_PER_REAL
    of_result = _COPIES_OF_SAVED * len(sizes) * BYTES_PER_REAL
    return sum(sizes) * _BYTES_PER_STRING + together * of_state + rows * of_result


def rows_together(template: Program, num_qubits: int) -> int:
    """Return how many rows of a sweep go through a step together, whose states have so many qubits."""
    amplitudes = 1 << CACHE_BITS >> num_qubits
    return max(1, min(amplitudes, _ROWS_BYTES // max(1, _row_bytes(template))))


def _row_bytes(template: Program) -> int:
    """Return the bytes of what is made of the instructions of one row, at most."""
    return len(template.instructions) * _BYTES_PER_ROW_INSTRUCTION * _matrix_size(template.instructions)


def _matrix_size(instructions: Iterable[Instruction]) -> int:
    """Return how many times as large the matrices of narrow blocks are as where no gate makes them grow."""
    gates = [each for each in instructions if isinstance(each, (Gate, Unitary))]
    return 4 if any(len(each.targets) + len(each.controls) == _WIDE_BLOCK for each in gates) else 1


def max_qubits(memory: int, output: Output, precision: Precision = "double") -> int:
    """Return the widest circuit, short and without branches, that fits ``memory`` bytes; 0 where none does."""

    def fits(width: int) -> bool:
        state = _BYTES_PER_AMPLITUDE[precision] << (2 * width if output == "unitary" else width)
        return (1 if output == "counts" else _STATES_OF_A_RESULT) * state + _workspace(state) <= memory

    # An amplitude has more than a byte. A client asks this at each run.
    widest = min(MAX_QUBITS, memory.bit_length())
    return next((width for width in range(widest, 0, -1) if fits(width)), 0)


def result_bytes(program: Program, output: Output, precision: Precision = "double") -> int:
    """Return the bytes of a result's statevector or unitary; 0 for counts."""
    return (
        0
        if output == "counts"
        else _BYTES_PER_AMPLITUDE[precision]
        << (2 * program.num_qubits if output == "unitary" else program.num_qubits)
    )


def readout_bytes(program: Program, shots: int, *, memory: bool) -> int:
    """Return the bytes of a result's counts, memory and header, at most, but for `caption_bytes`."""
    key = len("0x") + -(-program.num_clbits // 4) + BYTES_PER_NUMBER
    remembered = key
    if program.num_clbits > WORD_BITS:
        key, remembered = -(-program.num_clbits // 8) + BYTES_PER_NUMBER, BYTES_PER_INDEX
    header = program.header
    named = sum(
        len(register.name.encode()) + (1 + len(register.bits)) * BYTES_PER_NUMBER
        for register in (*header.qregs, *header.cregs)
    )
    outline = _BYTES_PER_OUTLINE + named
    return min(shots, 1 << program.num_clbits) * key + (shots * remembered if memory else 0) + outline


def caption_bytes(name: str, metadata: str | None) -> int:
    """Return the bytes of a circuit's name and metadata."""
    return len(name.encode()) + len((metadata or "").encode())


def _counted_bytes(timeline: Timeline, shots: int, state: int, *, real: bool) -> int:
    """Return the bytes of the states of a run to counts."""
    most = peak_states(state, shots, shots)
    draws = timeline.draws(most)
    histories = min(shots, 1 << min(draws, most))
    if histories <= 1:
        # While qubits are freed or allocated, the state before and the state after are there.
        alive = 2 if timeline.frees else 1
        return alive * state // 2 if real else alive * state
    return (1 + peak_states(state, shots, histories)) * state


def _saving_bytes(timeline: Timeline, precision: Precision, state: int) -> int:
    """Return the bytes of what is saved, until its result has gone, and of what it is made of."""
    if not timeline.saves:
        return 0
    copied = any(not save.sums for save in timeline.saves)
    return _COPIES_OF_SAVED * saved_bytes(timeline.saves, precision) + (copied and state)


def _workspace(state: int) -> int:
    threads = max(0, thread_count() - _THREADS)
    return min(_WORKSPACE + threads * _BYTES_PER_THREAD, _WORKSPACE_STATES * state)
