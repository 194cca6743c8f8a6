"""Which method runs a program: the one that was asked for, or the quickest of those that can.

A pure function of the program and the job's options, so that client and worker, and all shards of a job, say the
same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from simulator.circuit.instructions import Gate
from simulator.circuit.program import Program
from simulator.circuit.remembered import remembered
from simulator.density import DENSITY_MATRIX
from simulator.dynamic.saves import saves_in
from simulator.errors import InvalidProgramError
from simulator.method import Engine
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.mps import MATRIX_PRODUCT_STATE
from simulator.options import Options
from simulator.shards.shard import GLOBAL_PHASE, Sweep, with_numbers
from simulator.stabilizer import STABILIZER
from simulator.statevector import STATEVECTOR
from simulator.trajectories import TRAJECTORIES

#: In the order in which "automatic" looks at them. Of those that take equally long, the first is taken.
ENGINES = (STABILIZER, DENSITY_MATRIX, STATEVECTOR, TRAJECTORIES, MATRIX_PRODUCT_STATE)
#: Of a statevector so wide, no machine has the memory.
_IMPOSSIBLE_WIDTH = 48
#: Quarter turns: what is farther from a whole number of them is none, by far.
_NEAR_A_QUARTER = 1e-6
#: Up to so wide, exact expectation values and density matrices are preferred to means over shots.
_EXACT_WIDTH = 24


@remembered
def engine_for(program: Program, options: Options, *, checkpoint: Checkpoint = no_checkpoint) -> Engine:
    """Return what runs a program under these options; calls ``checkpoint`` before it asks a method.

    InvalidProgramError names the first instruction that a method which was asked for cannot run, and the methods
    that can.
    """
    automatic, named = options.method == "automatic", _named(program, options)
    if automatic and len(named) == 1:
        return named[0]  # of most programs
    preferred = [each for each in named if automatic and each.preferred(program, options)]
    able: list[Engine] = []
    reasons = []
    for some in (preferred, [each for each in named if each not in preferred]):
        for each in some if not able else ():
            checkpoint()
            reason = each.refusal(program, options, checkpoint)
            if reason is None:
                able.append(each)
            else:
                reasons.append(reason)
    if not able:
        said = f'method "{options.method}" cannot run circuit "{program.name}": {reasons[0]}'
        raise InvalidProgramError(said + _way_out(program, options))
    if options.expectations or saves_in(program.instructions):
        # What is a mean over shots otherwise is exact, where that takes little.
        exact = [each for each in able if each.is_exact(program, options)]
        able = [each for each in exact if each.width(program, options) <= _EXACT_WIDTH] or able
    if len(able) == 1:
        return able[0]
    return min(able, key=lambda each: each.work(program, options, options.shots, (), checkpoint).seconds)


def engines_of_rows(
    sweep: Sweep, options: Options, *, checkpoint: Checkpoint = no_checkpoint
) -> list[tuple[Engine, range]]:
    """Return what runs the rows of a sweep, and which rows, one behind the other.

    Each row has the engine that it would have alone: what a method gives under a seed is its own.
    """
    named = _named(sweep.template, options)
    if len(named) == 1:
        return [(named[0], range(sweep.num_rows))]
    engine_of: dict[bytes, Engine] = {}
    found: list[tuple[Engine, range]] = []
    values = sweep.values.ndarray()
    for row, kind in enumerate(_kinds_of_rows(sweep)):
        if kind not in engine_of:
            program = with_numbers(sweep.template, sweep.param_indices, values[row].tolist())
            engine_of[kind] = engine_for(program, options, checkpoint=checkpoint)
        engine = engine_of[kind]
        if found and found[-1][0] is engine:
            found[-1] = engine, range(found[-1][1].start, row + 1)
        else:
            found.append((engine, range(row, row + 1)))
    return found


def _named(program: Program, options: Options) -> list[Engine]:
    """Return the engines among which there is a choice, whatever the numbers of a program's gates are."""
    if options.method == "automatic":
        return [each for each in ENGINES if each.suits(program, options)]
    return [each for each in ENGINES if each.method == options.method]


def _kinds_of_rows(sweep: Sweep) -> Iterator[bytes]:
    """Yield what the choice of an engine may depend on, of each row: its numbers, where a gate may be Clifford.

    A gate whose first number, an angle, is no multiple of a quarter turn is not Clifford.
    """
    values = np.array(sweep.values.ndarray(), np.float64)
    kinds = values.copy()
    columns = {place: column for column, place in enumerate(sweep.param_indices)}
    for (index, number), column in columns.items():
        if (index, number) == GLOBAL_PHASE:
            kinds[:, column] = 0
            continue
        gate = sweep.template.instructions[index]
        if not isinstance(gate, Gate):
            raise TypeError(gate)
        first = columns.get((index, 0))
        angles = np.full(len(values), gate.params[0]) if first is None else values[:, first]
        quarters = angles / (np.pi / 2)
        kinds[np.abs(quarters - np.rint(quarters)) > _NEAR_A_QUARTER, column] = np.inf
    return (row.tobytes() for row in kinds)


def methods_for(program: Program, options: Options) -> list[str]:
    """Return the methods that can run a program, whichever the options name, in the order of `ENGINES`."""
    able = [
        each.method
        for each in ENGINES
        if each.refusal(program, options, no_checkpoint) is None
        and each.width(program, options) < _IMPOSSIBLE_WIDTH
    ]
    return list(dict.fromkeys(able))


def _way_out(program: Program, options: Options) -> str:
    """Return what can run a program that a method cannot, as the end of a sentence."""
    others, without = methods_for(program, options), ""
    if not others and options.saves:
        others = methods_for(program, replace(options, saves=()))
        without = f"without {' and '.join(f'{each}=True' for each in options.saves)}, "
    return f"; {without}{' or '.join(f'method={each!r}' for each in others)} can" if others else ""
