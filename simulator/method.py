"""What a method of simulation gives: what plans, admits and runs jobs need not know which one runs a program.

Each method lives in a room of its own, and exports one `Engine`, which `simulator.choice` lists. All of its
functions but ``run`` are pure functions of the program, the job's options and its observables: never of memory,
load, a shard's share of the shots, or the number of workers. Client and worker ask the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Instruction, Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.circuit.traversal import any_bodies, bodies_of, clbits_of, qubits_of
from simulator.cost import Work
from simulator.monitor import Checkpoint, Monitor
from simulator.options import Method, Options
from simulator.shards.metadata import RunMetadata
from simulator.shards.readout import PackedReadout
from simulator.shards.result import SavedValue, SweepOutcome
from simulator.shards.shard import Sweep


@dataclass(frozen=True, slots=True)
class CircuitResult:
    """What one circuit gave; None where its output gives no such thing."""

    #: Hex key -> shots; clbit 0 is the least significant bit. Empty without clbits or shots.
    counts: dict[str, int] | None = None
    #: One hex key a shot, in the order of shots; None if not asked for.
    memory: list[str] | None = None
    #: The statevector, shape (2^n,), or the unitary, shape (2^n, 2^n): complex128; complex64 in single precision.
    state: NDArray[np.complexfloating] | None = None
    #: Each observable's expectation value, a mean over all shots or exact, shape (observables,); None without any.
    expectations: NDArray[np.float64] | None = None
    #: What its instructions saved.
    saved: tuple[SavedValue, ...] = ()
    #: In place of counts and memory, where a method has them so; of more clbits than a number has bits.
    packed: PackedReadout | None = None
    #: The standard error of each expectation value, shape (observables,); None where they are exact.
    standard_errors: NDArray[np.float64] | None = None

    @property
    def keyed(self) -> tuple[dict[str, int] | None, list[str] | None]:
        """Counts and memory by hex keys, which are made now if they are packed."""
        return (self.counts, self.memory) if self.packed is None else self.packed.keyed


class Prepared(Protocol):
    """A program that an engine has planned, and is ready to run."""

    @property
    def metadata(self) -> RunMetadata:
        """How it is run, as the result says it; asked after `run`."""
        ...

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        """Return the bytes that so many shots take at most, beside `cost.shots_bytes`: asked before `run`."""
        ...

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        """Run some of the job's shots, from number ``first`` on.

        A shot's outcome is a function of the program, the job's options, the seed and the shot's number: cut in
        any way, the counts add up to the same, bit for bit. Calls the monitor's checkpoint at least every 50 ms.
        """
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """A method of simulation, as functions."""

    #: What a user calls it in ``method=``. Several engines may have the same, of which the quickest is taken.
    method: Method
    #: (program, options, checkpoint): why it cannot run the program, in a clause that begins with the name and
    #: place of the first instruction, as `place_of` says it; None: it can.
    refusal: Callable[[Program, Options, Checkpoint], str | None]
    #: (program, options): whether "automatic" looks at it at all. Asked of every program, so it must be quick.
    suits: Callable[[Program, Options], bool]
    #: (program, options): a statevector of so many qubits has as many bytes as what this engine holds at once.
    width: Callable[[Program, Options], int]
    #: (program, options, shots, observables, checkpoint): the seconds on one core, and whether fewer shots take
    #: that much less time, so that cutting pays.
    work: Callable[[Program, Options, int, Sequence[PauliSum], Checkpoint], Work]
    #: (program, options): all that it saves; InvalidProgramError where the options save what there is not.
    saves: Callable[[Program, Options], tuple[Save, ...]]
    #: (program, options): whether expectation values are exact, so that no shots are needed for them.
    is_exact: Callable[[Program, Options], bool]
    #: (program, options, observables, checkpoint): plan a program that is not refused.
    prepare: Callable[[Program, Options, Sequence[PauliSum], Checkpoint], Prepared]
    #: (sweep, options, admit, monitor): all rows at once, each bit for bit as alone; None: run them one by one.
    #: ``admit`` is called with the bytes that they need together, before these are allocated.
    run_together: Callable[[Sweep, Options, Callable[[int], None], Monitor], SweepOutcome | None] = lambda *_: None
    #: (sweep, options): the seconds of a row, where it is not what the template takes alone.
    row_seconds: Callable[[Sweep, Options], float] | None = None
    #: (program, options): whether "automatic" takes it, or the quickest of several such, wherever it can run the
    #: program, and asks no other what it would take. Asked of what suits it only, so it must be quick.
    preferred: Callable[[Program, Options], bool] = lambda *_: False
    #: Shots that stay together where a job is cut.
    shot_block: int = 128

    def shots_needed(self, program: Program, options: Options, shots: int) -> int:
        """Return how many of some shots matter: none where no counts are wanted, and values are exact."""
        return shots if options.counts or not self.is_exact(program, options) else 0


def place_of(instructions: Sequence[Instruction], kinds: AbstractSet[type], where: str = "") -> str | None:
    """Return the name and place of the first instruction, bodies included, of another kind; None: there is none.

    As in "instruction 3 is a reset of qubit 1", or "instruction 2, in a body of instruction 5, is a while".
    """
    if kinds >= set(map(type, instructions)) and not any_bodies(instructions):
        return None
    for index, instruction in enumerate(instructions):
        if type(instruction) not in kinds:
            bits = [("qubit", qubits_of(instruction)), ("clbit", clbits_of(instruction))]
            said = " and ".join(
                f"{name}{'s' * (len(some) > 1)} {', '.join(map(str, some))}" for name, some in bits if some
            )
            of_bits = f" of {said}" if said else ""
            return f"instruction {index}{where} is a {type(instruction).__name__.lower()}{of_bits}"
        for body in bodies_of(instruction):
            found = place_of(body, kinds, f", in a body of instruction {index}{where},")
            if found is not None:
                return found
    return None
