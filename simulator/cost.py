"""What a Program will take, before it runs: bytes for admission, seconds for cutting a job into shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from simulator.analysis import final_measures, touched_by, unboxed
from simulator.branching import most_alive
from simulator.instructions import For, Initialize, Instruction, Measure, Range, Reset, While, bodies_of
from simulator.program import Program
from simulator.shards import Method, Precision

#: Seconds of work that a task should carry, so that its delivery is a small part of it.
SHARD_SECONDS = 0.05

_BYTES_PER_AMPLITUDE: Mapping[Precision, int] = MappingProxyType({"double": 16, "single": 8})
#: Measured: each shot's number, draws and outcome.
_BYTES_PER_SHOT = 100
#: Of a count, or of what a string's length takes, in a message.
_BYTES_PER_NUMBER = 9
#: Calls and draws that no run comes to the end of.
_ENDLESS = 10**18
#: Rounds that a while loop is expected to take.
_ROUNDS = 8
#: Measured on one core: seconds per kernel call, per amplitude and kernel call, per shot and random number.
_CALL_SECONDS = 15e-6
_AMPLITUDE_SECONDS = 1.5e-9
_DRAW_SECONDS = 2e-7


def bytes_required(program: Program, method: Method, shots: int = 1024, precision: Precision = "double") -> int:
    """Return the bytes of the states that a run holds at most, and of one working copy.

    That is 2 * 16 * 2^n, or 2 * 16 * 4^n for a unitary, and half of it in single precision. A dynamic circuit
    holds a state per branch; the worst case is 2 + log2(shots) states, or, while states are so small that branches
    wait for each other, 64 MiB more.
    """
    state = _BYTES_PER_AMPLITUDE[precision] << _num_bits(program, method)
    if method != "qasm" or shots <= 1:
        return 2 * state
    most = most_alive(state, shots, shots)
    histories = min(shots, 1 << min(_draws(program, rounds=most), most))
    return (1 + most_alive(state, shots, histories)) * state


def shots_bytes(method: Method, shots: int) -> int:
    """Return the bytes that a run needs for its shots, beside its states."""
    return shots * _BYTES_PER_SHOT if method == "qasm" else 0


def max_qubits(memory: int, method: Method, precision: Precision = "double") -> int:
    """Return the widest circuit whose states, and a working copy, fit ``memory`` bytes; 0 where none does."""
    bits = max(0, (memory // (2 * _BYTES_PER_AMPLITUDE[precision])).bit_length() - 1)
    return bits // 2 if method == "unitary" else bits


def result_bytes(program: Program, method: Method, precision: Precision = "double") -> int:
    """Return the bytes of a result's statevector or unitary; 0 for counts."""
    return 0 if method == "qasm" else _BYTES_PER_AMPLITUDE[precision] << _num_bits(program, method)


def readout_bytes(program: Program, shots: int, *, memory: bool) -> int:
    """Return the bytes of a result's counts, and memory, at most."""
    key = len("0x") + -(-program.num_clbits // 4) + _BYTES_PER_NUMBER
    return min(shots, 1 << program.num_clbits) * key + (shots * key if memory else 0)


def seconds(program: Program, method: Method, shots: int) -> float:
    """Return the time that a run takes on one core: a rough estimate, within a factor of a few."""
    # Loops of many rounds in each other would be more than a float holds.
    calls = min(_calls(program.instructions), _ENDLESS)
    amplitudes = float(1 << min(_num_bits(program, method), 1000))
    draws = min(_draws(program, _ROUNDS), _ENDLESS) if method == "qasm" else 0
    branches = min(shots, 1 << min(draws, 60)) if method == "qasm" else 1
    # A branch begins, on average, half way.
    evolving = calls * (1 + branches) / 2 * (_CALL_SECONDS + amplitudes * _AMPLITUDE_SECONDS)
    return evolving + (shots * (1 + draws) * _DRAW_SECONDS if method == "qasm" else 0.0)


def pack(costs: Sequence[float], target: float = SHARD_SECONDS) -> list[range]:
    """Cut consecutive experiments into ranges, each as short as it can be at a cost of ``target`` or more.

    Only the last may cost less.
    """
    ranges = []
    start, cost = 0, 0.0
    for place, more in enumerate(costs):
        cost += more
        if cost >= target or place == len(costs) - 1:
            ranges.append(range(start, place + 1))
            start, cost = place + 1, 0.0
    return ranges


def _num_bits(program: Program, method: Method) -> int:
    return program.num_qubits * (2 if method == "unitary" else 1)


def _draws(program: Program, rounds: int) -> int:
    """Count how often a shot may part from others: at measurements and resets that something depends on."""
    instructions, _ = final_measures(list(unboxed(program.instructions)))
    return _draws_in(instructions, set(), rounds)


def _draws_in(instructions: Iterable[Instruction], touched: set[int], rounds: int) -> int:
    draws = 0
    for instruction in instructions:
        match instruction:
            case Measure():
                draws += 1
            case Reset(qubit=qubit):
                draws += qubit in touched
            case Initialize(targets=targets):
                draws += len(touched.intersection(targets))
        if not isinstance(instruction, Reset):
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
