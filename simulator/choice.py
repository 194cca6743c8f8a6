"""Which method runs a program: the one that was asked for, or the quickest of those that can.

A pure function of the program and the job's options, so that client and worker, and all shards of a job, say the
same.
"""

from __future__ import annotations

from msgspec.structs import replace

from simulator.circuit.program import Program
from simulator.density import DENSITY_MATRIX
from simulator.dynamic.saves import saves_in
from simulator.errors import InvalidProgramError
from simulator.method import Engine
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.mps import MATRIX_PRODUCT_STATE
from simulator.options import Options
from simulator.remembered import remembered
from simulator.stabilizer import STABILIZER
from simulator.statevector import STATEVECTOR
from simulator.trajectories import TRAJECTORIES

#: In the order in which "automatic" looks at them. Of those that take equally long, the first is taken.
ENGINES = (STABILIZER, DENSITY_MATRIX, STATEVECTOR, TRAJECTORIES, MATRIX_PRODUCT_STATE)
#: Of a statevector so wide, no machine has the memory.
_IMPOSSIBLE_WIDTH = 48
#: Up to so wide, exact expectation values and density matrices are preferred to means over shots.
_EXACT_WIDTH = 24


@remembered
def engine_for(program: Program, options: Options, *, checkpoint: Checkpoint = no_checkpoint) -> Engine:
    """Return what runs a program under these options; calls ``checkpoint`` before it asks a method.

    InvalidProgramError names the first instruction that a method which was asked for cannot run, and the methods
    that can.
    """
    automatic = options.method == "automatic"
    if automatic:
        named = [each for each in ENGINES if each.suits(program, options)]
        if len(named) == 1:
            return named[0]  # of most programs
    else:
        named = [each for each in ENGINES if each.method == options.method]
    able, reasons = [], []
    for each in named:
        checkpoint()
        reason = each.refusal(program, options, checkpoint)
        if reason is not None:
            reasons.append(reason)
            continue
        if automatic and each.preferred(program, options):
            return each
        able.append(each)
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
