"""Which method runs a program: the one that was asked for, or the quickest of those that can.

A pure function of the program and the job's options, so that client and worker, and all shards of a job, say the
same.
"""

from __future__ import annotations

from simulator.circuit.program import Program
from simulator.errors import InvalidProgramError
from simulator.method import Engine
from simulator.mps import MATRIX_PRODUCT_STATE
from simulator.options import Options
from simulator.stabilizer import STABILIZER
from simulator.statevector_method import STATEVECTOR

#: Of those that take equally long, the first is taken.
ENGINES = (STATEVECTOR, MATRIX_PRODUCT_STATE, STABILIZER)


def engine_for(program: Program, options: Options) -> Engine:
    """Return what runs a program under these options.

    InvalidProgramError names the first instruction that a method which was asked for cannot run, and what can.
    """
    if options.method == "automatic":
        able = [each for each in ENGINES if each.suits(program, options)]
        if len(able) > 1:
            able = [each for each in able if each.refusal(program, options) is None]
    else:
        of_name = [each for each in ENGINES if each.method == options.method]
        reasons = [each.refusal(program, options) for each in of_name]
        able = [each for each, reason in zip(of_name, reasons, strict=True) if reason is None]
        if not able:
            raise InvalidProgramError(
                f'method "{options.method}" cannot run circuit "{program.name}": {next(filter(None, reasons))}'
            )
    if len(able) == 1:
        return able[0]
    # Where it suits and can, nothing else is as quick; what others take then need not be estimated.
    if STABILIZER in able:
        return STABILIZER
    return min(able, key=lambda each: each.work(program, options, options.shots, ()).seconds)
