"""What a Program will take, before it runs: bytes for admission, seconds for cutting a job into shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from simulator.circuit.contents import bodies_of, walk
from simulator.circuit.instructions import (
    Diagonal,
    For,
    Gate,
    Initialize,
    Instruction,
    Measure,
    Permutation,
    Range,
    Reset,
    Unitary,
    While,
)
from simulator.circuit.program import MAX_QUBITS, Program
from simulator.dynamic.analysis import (
    Course,
    course_of,
    qubits_at_once,
    touched_by,
    width_of,
)
from simulator.dynamic.breadth import most_alive
from simulator.kernels.threads import thread_count
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan.operations import is_real, is_rotation
from simulator.sampling.tally import WORD_BITS
from simulator.shards.shards import Method, Options, Precision, Sweep
from simulator.tuning import CACHE_BITS

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
_GATES = (Gate, Unitary, Diagonal, Permutation)
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


def bytes_required(
    program: Program,
    method: Method,
    shots: int = 1024,
    precision: Precision = "double",
    *,
    fresh: bool = True,
    sampling: bool = True,
    checkpoint: Checkpoint = no_checkpoint,
) -> int:
    """Return the bytes that a run takes at most, beside those for its shots, until its result has gone.

    A state has 16 bytes an amplitude, or half of it in single precision. Counts take one, half of it where all
    amplitudes are real, as they may be if the run begins in |0...0> (``fresh``); a statevector or unitary takes
    two, and so do counts where qubits come and go. A dynamic circuit holds a state per branch; the worst case is
    2 + log2(shots) states, or, while states are so small that branches wait for each other, 64 MiB more. Without
    ``sampling``, final measurements branch, too.
    """
    num_bits = _num_bits(program, method, fresh=fresh, sampling=sampling, checkpoint=checkpoint)
    state = _BYTES_PER_AMPLITUDE[precision] << num_bits
    real = fresh and method != "unitary" and _is_real(program, checkpoint)
    instructions = list(walk(program.instructions))
    plan = len(instructions) * (_BYTES_PER_REAL_INSTRUCTION if real else _BYTES_PER_INSTRUCTION)
    # A wide one is copied as numbers of the state's type.
    diagonals = (each for each in with_checkpoints(instructions, checkpoint) if isinstance(each, Diagonal))
    plan += max((len(each.diagonal.data) for each in diagonals), default=0)
    states = _STATES_OF_A_RESULT * state
    checkpoint()
    if method == "qasm":
        course = course_of(program, sampling=sampling, merging=True, checkpoint=checkpoint)
        checkpoint()
        touched = set() if fresh else set(range(program.num_qubits))
        states = _counted_bytes(course, touched, shots, state, real=real)
    return states + _workspace(state) + plan


def shots_bytes(program: Program, method: Method, shots: int, *, memory: bool) -> int:
    """Return the bytes that a run needs at most for its shots, beside its states."""
    if method != "qasm":
        return 0
    outcome = _BYTES_PER_OUTCOME if program.num_clbits <= WORD_BITS else _BYTES_PER_WIDE_OUTCOME
    shot = _BYTES_PER_SHOT + (_BYTES_PER_REMEMBERED if memory else 0)
    return shots * shot + min(shots, 1 << program.num_clbits) * outcome


def sweep_bytes(sweep: Sweep, options: Options) -> int:
    """Return the bytes that a sweep's rows take at most if they are run together."""
    template, rows = sweep.template, sweep.num_rows
    result = result_bytes(template, options.method, options.precision)
    shots = options.shots if options.method == "qasm" else 1
    numbers = min(shots, 1 << template.num_clbits) * 2 + (shots if options.memory else 0)
    fresh, sampling = options.initial_state is None, options.sample_measuring
    required = bytes_required(template, options.method, shots, options.precision, fresh=fresh, sampling=sampling)
    together = min(rows, rows_together(template, width_of(template, options)))
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
    return 0 if method == "qasm" else _BYTES_PER_AMPLITUDE[precision] << _num_bits(program, method)


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


def seconds(program: Program, method: Method, shots: int) -> float:
    """Return the time that a run takes on one core: a rough estimate, within a factor of a few."""
    # Loops of many rounds in each other would be more than a float holds.
    amplitudes = _amplitudes(program, method)
    calls = min(_calls(program.instructions), _ENDLESS)
    dense = sum(isinstance(each, Unitary) or is_rotation(each) for each in program.instructions)
    evolving = _RUN_SECONDS + calls * (_INSTRUCTION_SECONDS + amplitudes * _AMPLITUDE_SECONDS)
    evolving += dense * amplitudes * _DENSE_SECONDS
    if method != "qasm":
        return evolving
    draws = min(_draws(program, _ROUNDS), _ENDLESS)
    branches = _branches(draws, shots) - 1
    # A branch begins, on average, half way.
    branching = draws * (_BRANCH_SECONDS + amplitudes * _BRANCH_AMPLITUDE_SECONDS)
    branching += calls * amplitudes * _AMPLITUDE_SECONDS + dense * amplitudes * _DENSE_SECONDS
    return evolving + branches * branching / 2 + _readout_seconds(program, draws, shots)


def row_seconds(template: Program, options: Options) -> float:
    """Return the time that a row of a sweep takes on one core, as roughly."""
    apart = options.method == "unitary" or _num_bits(template, options.method) > ROW_QUBITS
    apart = apart or any(map(bodies_of, template.instructions))
    if apart or _draws(template, _ROUNDS):
        return seconds(template, options.method, options.shots)
    amplitudes = _amplitudes(template, options.method)
    evolving = len(template.instructions) * (_ROW_INSTRUCTION_SECONDS + amplitudes * _ROW_AMPLITUDE_SECONDS)
    shots = options.shots if options.method == "qasm" else 0
    return _ROW_SECONDS + evolving + _readout_seconds(template, 0, shots)


def grows_with_shots(program: Program, method: Method, shots: int) -> bool:
    """Whether fewer shots would take that much less time: hardly any two of them may share a state."""
    draws = min(_draws(program, _ROUNDS), _ENDLESS) if method == "qasm" else 0
    return shots > 1 and _branches(draws, shots) == shots


def _counted_bytes(course: Course, touched: set[int], shots: int, state: int, *, real: bool) -> int:
    """Return the bytes of the states of a run to counts, with these qubits touched at its start."""
    most = most_alive(state, shots, shots)
    draws = 0 if course.evolves else _draws_in(course.instructions, touched, most, top=True)
    histories = min(shots, 1 << min(draws, most))
    if histories <= 1:
        # One that qubits are taken out of, or brought to, and what becomes of it.
        alive = 2 if course.retires else 1
        return alive * state // 2 if real else alive * state
    return (1 + most_alive(state, shots, histories)) * state


def _workspace(state: int) -> int:
    threads = max(0, thread_count() - _THREADS)
    return min(_WORKSPACE + threads * _BYTES_PER_THREAD, _WORKSPACE_STATES * state)


def _is_real(program: Program, checkpoint: Checkpoint) -> bool:
    """Return whether real amplitudes stay real on every way through the program."""
    instructions = with_checkpoints(walk(program.instructions), checkpoint)
    return all(is_real(each) for each in instructions if isinstance(each, (*_GATES, Initialize)))


def _amplitudes(program: Program, method: Method) -> float:
    return float(1 << min(_num_bits(program, method), 1000))


def _branches(draws: int, shots: int) -> int:
    """Return how many states shots may part into."""
    return max(1, min(shots, 1 << min(draws, 60)))


def _readout_seconds(program: Program, draws: int, shots: int) -> float:
    outcomes = min(shots, 1 << min(program.num_clbits, 60))
    return shots * (1 + draws) * _DRAW_SECONDS + outcomes * _OUTCOME_SECONDS


def _num_bits(
    program: Program,
    method: Method,
    *,
    fresh: bool = True,
    sampling: bool = True,
    checkpoint: Checkpoint = no_checkpoint,
) -> int:
    if method == "unitary":
        return 2 * program.num_qubits
    if program.num_qubits <= ROW_QUBITS:
        return program.num_qubits  # at least; so few take next to nothing
    return qubits_at_once(program, method, fresh=fresh, sampling=sampling, checkpoint=checkpoint)


def _draws(program: Program, rounds: int) -> int:
    """Count how often a shot may part from others: at measurements and resets that something depends on."""
    course = course_of(program, sampling=True, merging=True)
    # As nearly every circuit does, so it is worth a look of its own.
    return 0 if course.evolves else _draws_in(course.instructions, set(), rounds, top=True)


def _draws_in(instructions: Iterable[Instruction], touched: set[int], rounds: int, *, top: bool = False) -> int:
    """Count them, and change ``touched``; ``top``: every shot comes by."""
    draws = 0
    for instruction in instructions:
        match instruction:
            case Measure():
                draws += 1
            case Reset(qubit=qubit):
                draws += qubit in touched
            case Initialize(targets=targets):
                draws += len(touched.intersection(targets))
        if isinstance(instruction, Measure) and top:
            touched.discard(instruction.qubit)  # a reset now has no choice
        elif not isinstance(instruction, Reset):
            touched |= touched_by(instruction)
        bodies = bodies_of(instruction)
        draws += _times(instruction, rounds) * sum(_draws_in(body, touched, rounds) for body in bodies)
    return draws


def _calls(instructions: Iterable[Instruction]) -> int:
    """Count the instructions that a shot runs, roughly."""
    return sum(
        1 + _times(instruction, _ROUNDS) * sum(map(_calls, bodies_of(instruction))) for instruction in instructions
    )


def _times(instruction: Instruction, rounds: int) -> int:
    """Return how often each body is run; ``rounds`` for a while loop."""
    if isinstance(instruction, While):
        return rounds
    if isinstance(instruction, For) and len(instruction.bodies) == 1:
        indices = instruction.indices
        return len(indices.ints() if isinstance(indices, Range) else indices)
    return 1
