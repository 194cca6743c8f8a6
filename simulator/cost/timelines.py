"""How a program is run: its final measurements all at once, or each as early as can be, by what either costs.

A pure function of the program and of the job's options, so that client and worker say the same of a run, and each
shard of a job runs its circuit in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Diagonal,
    Gate,
    Initialize,
    Noise,
    Permutation,
    Reset,
    Unitary,
)
from simulator.circuit.program import Program
from simulator.circuit.traversal import walk
from simulator.cost.memory import states_bytes
from simulator.cost.seconds import work
from simulator.dynamic.timeline import Timeline
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.options import Options, Output, SavedAtEnd

#: Fewest qubits of a state for which early measurements can pay: a narrower one is evolved in the time that the
#: first few of them take.
_LEAST = 18
#: Most qubits of a state for which costs are compared: a wider one fits hardly any memory, so narrower states are
#: better, however long they take.
_MOST = 32
#: Instructions that write no clbit.
_SILENT = frozenset({Gate, Unitary, Diagonal, Permutation, Barrier, Delay, Reset, Initialize, Noise})


def timeline_under(program: Program, options: Options, checkpoint: Checkpoint = no_checkpoint) -> Timeline:
    """Look at a program that is run with these options."""
    return timeline_of(
        program,
        options.output,
        options.shots,
        from_ground=options.initial_state is None,
        sampling=options.sample_measuring,
        observed=options.expectations,
        saves=options.saves,
        checkpoint=checkpoint,
    )


def timeline_of(
    program: Program,
    output: Output,
    shots: int,
    *,
    from_ground: bool = True,
    sampling: bool = True,
    observed: bool = False,
    saves: Sequence[SavedAtEnd] = (),
    checkpoint: Checkpoint = no_checkpoint,
) -> Timeline:
    """Look at a program, and choose how its final measurements are done, if ``sampling`` leaves the choice.

    What is ``observed`` or saved needs its state, and so does an output that is the state. ``shots`` are those of
    the whole job, also where a run has some of them only.
    """
    together = Timeline.of(
        program,
        output,
        from_ground=from_ground,
        sampling=sampling,
        observed=observed,
        saves=saves,
        checkpoint=checkpoint,
    )
    if output != "counts" or observed or together.saves or not from_ground:
        return together
    if not _writes(together):
        return Timeline.of(program.outline)
    if not sampling or together.width < _LEAST:
        return together
    early = together.measured_early(checkpoint)
    return early if _is_better(early, together, shots) else together


def _writes(timeline: Timeline) -> bool:
    """Whether anything may write another value than 0 to a clbit, so that states matter."""
    if timeline.final or timeline.readouts:
        return True
    if timeline.evolves or not timeline.program.num_clbits:
        return False
    return not _SILENT.issuperset(map(type, walk(timeline.instructions)))


def _is_better(early: Timeline, together: Timeline, shots: int) -> bool:
    if early.width >= together.width:
        return False
    if together.width > _MOST:
        return True
    if states_bytes(early, shots) > states_bytes(together, shots):
        return False
    return work(early, shots).seconds < work(together, shots).seconds
