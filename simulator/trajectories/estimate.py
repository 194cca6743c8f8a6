"""What trajectories will take, before they run: how many states the shots of a job part into, seconds, and bytes.

Pure functions of the program and the job's shots. They look at each instruction once, and draw nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from simulator.circuit.instructions import Gate, Noise, Unitary
from simulator.circuit.program import Program
from simulator.circuit.remembered import remembered
from simulator.circuit.traversal import qubits_of, unboxed
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan.operations import is_rotation
from simulator.trajectories.mixture import mixture_of
from simulator.trajectories.rows import rows_bytes
from simulator.trajectories.wide import LEAST_QUBITS

#: Gates that all Pauli errors pass.
_CLIFFORD = frozenset({"id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "swap", "iswap", "dcx", "ecr"})
#: Numbers of errors in one shot that are looked at; more are as rare, or all shots have as many.
_ERRORS = 40
#: Seconds of a program without shots, and of planning an instruction. These and those below are measured, on one
#: core; channels that were split are kept.
_RUN_SECONDS, _INSTRUCTION_SECONDS = 1e-3, 35e-6
#: Seconds of planning a place of errors in which the state has a say, beside that.
_PLACE_SECONDS = 50e-6
#: Seconds of a shot, of an error, and of a row beside its products.
_SHOT_SECONDS, _ERROR_SECONDS, _ROW_SECONDS = 100e-9, 1.5e-6, 8e-6
#: Seconds of an error in which the state has a say.
_CHOICE_SECONDS = 40e-6
#: Seconds that a step takes for an amplitude of a row, and those of an outcome.
_STEP_SECONDS, _OUTCOME_SECONDS = 4e-9, 2e-8
#: Of wide states: seconds of planning an instruction, and of an amplitude in a gate on several qubits.
_PLAN_SECONDS, _WIDE_GATE_SECONDS = 20e-6, 5e-10
#: Gates on several qubits that a step has, about.
_GATES_OF_A_STEP = 3
#: Bytes of an instruction's plan, of an error that is drawn, and of a shot that is worked on at once. Measured.
_INSTRUCTION_BYTES, _ERROR_BYTES, _SHOT_BYTES = 12 << 10, 200, 120


class _Errors(NamedTuple):
    """What one place of a channel adds to an `Estimate`."""

    errors: float
    choices: float
    ways: int
    chooses: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is known of the trajectories of a program before they run."""

    num_qubits: int
    num_instructions: int
    #: Gates on several qubits.
    wide_gates: int
    #: How many errors a shot has, on average, and how many of them are left in the circuit and which a state has a
    #: say in.
    errors: float
    hits: float
    choices: float
    #: In how many ways one error may happen.
    ways: int
    #: Places of errors in which the state has a say.
    places: int

    def patterns(self, shots: int) -> float:
        """Return how many states so many shots part into, about, beside that without errors."""
        total, share = 0.0, math.exp(-self.hits)
        log_ways = math.log(max(self.ways, 1))
        for errors in range(1, _ERRORS):
            share *= self.hits / errors
            most = errors * log_ways - math.lgamma(errors + 1)
            # A few states of each kind come again and again.
            total += min(shots * share, math.exp(min(most, 700.0)))
        rest = max(0.0, 1 - math.exp(-self.hits) - self._below(_ERRORS))
        return min(float(shots), total + shots * rest)

    def seconds(self, shots: int) -> tuple[float, float]:
        """Return the seconds on one core of any run, and beside them those of so many shots."""
        rows = self.patterns(shots)
        amplitudes = math.ldexp(1.0, min(self.num_qubits, 60))
        steps = 1 + self.wide_gates / _GATES_OF_A_STEP
        if self.num_qubits < LEAST_QUBITS:
            row, evolving = _ROW_SECONDS, steps * _STEP_SECONDS
        else:
            row, evolving = self.num_instructions * _PLAN_SECONDS, self.wide_gates * _WIDE_GATE_SECONDS
        row += amplitudes * (_OUTCOME_SECONDS + evolving * (1 - 1 / (2 + self.hits)))
        fixed = _RUN_SECONDS + self.num_instructions * _INSTRUCTION_SECONDS
        fixed += self.places * _PLACE_SECONDS
        fixed += amplitudes * (evolving + _OUTCOME_SECONDS)
        of_shots = shots * (_SHOT_SECONDS + self.errors * _ERROR_SECONDS + self.choices * _CHOICE_SECONDS)
        return fixed, rows * row + of_shots

    def bytes(self, shots: int, amplitude: int, threads: int) -> int:
        """Return the bytes that so many shots take at most at once, where an amplitude has so many."""
        events = min(self.errors * shots, max(2.0 * (1 << 18), 2 * 1024 * self.errors))
        at_once = min(shots, 1 << 17) * (_SHOT_BYTES + self.num_qubits)
        # All threads work on one wide state.
        rows = (threads if self.num_qubits < LEAST_QUBITS else 1) * rows_bytes(self.num_qubits, amplitude)
        return (
            rows + int(events * _ERROR_BYTES) + at_once + self.num_instructions * _INSTRUCTION_BYTES + (64 << 20)
        )

    def _below(self, errors: int) -> float:
        """Return how probable from 1 to fewer errors than so many are."""
        share, total = math.exp(-self.hits), 0.0
        for number in range(1, errors):
            share *= self.hits / number
            total += share
        return total


@remembered
def estimate(program: Program, *, checkpoint: Checkpoint = no_checkpoint) -> Estimate:
    """Look at a program, which is not refused."""
    qubits: set[int] = set()
    wide = count = ways = places = 0
    errors = choices = 0.0
    stops = False
    of_channel: dict[int, _Errors] = {}
    for instruction in with_checkpoints(unboxed(program.instructions), checkpoint):
        count += 1
        if isinstance(instruction, Noise):
            own = of_channel.get(instruction.channel)
            if own is None:
                checkpoint()
                mixture = mixture_of(program.channels[instruction.channel])
                own = _Errors(mixture.probability, mixture.choosing, len(mixture.errors), mixture.chooses)
                of_channel[instruction.channel] = own
            errors += own.errors
            choices += own.choices
            ways += own.ways
            places += own.chooses
            qubits.update(instruction.qubits)
            continue
        if isinstance(instruction, (Gate, Unitary)):
            acts_on = qubits_of(instruction)
            qubits.update(acts_on)
            wide += len(acts_on) > 1
            stops = stops or _stops(instruction)
    hits = errors if stops else choices
    return Estimate(len(qubits), count, wide, errors, hits, choices, ways, places)


def _stops(instruction: Gate | Unitary) -> bool:
    """Whether some Pauli error may not pass."""
    if isinstance(instruction, Unitary) or is_rotation(instruction):
        return True
    if instruction.name == "rz":
        quarter = instruction.params[0] / (math.pi / 2)
        return abs(quarter - round(quarter)) > 1e-9  # noqa: PLR2004 (rounding)
    return instruction.name not in _CLIFFORD or len(instruction.controls) > (instruction.name in "xyz")
