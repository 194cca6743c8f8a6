"""What a result weighs, by the one measure of client and worker."""

from __future__ import annotations

import math

from simulator.circuit.program import WORD_BITS
from simulator.cost.memory import BYTES_PER_INDEX, BYTES_PER_NUMBER
from simulator.shards.part import Part
from simulator.shards.result import Item, SweepOutcome


def weight(num_clbits: int, *, state: int = 0, outcomes: int = 0, remembered: int = 0) -> int:
    """Return the bytes that BASICAER_MAX_RESULT_BYTES is about: of a result's amplitudes, or else of its readout.

    Client and worker both ask this one: the client with what is sure before the run (the bytes of the ``state``,
    and how many shots are ``remembered``), the worker with what came. Names, a header's numbers, and the one shot
    beside a state are left out: a statevector of 26 qubits has 1 GiB.
    """
    if num_clbits > WORD_BITS:  # each memory once, and its index for each shot
        return state or outcomes * (-(-num_clbits // 8) + BYTES_PER_NUMBER) + remembered * BYTES_PER_INDEX
    key = 1 + len("0x") + -(-num_clbits // 4)
    return state or outcomes * (key + BYTES_PER_NUMBER) + remembered * key


def part_weight(part: Part) -> int:
    """Return the `weight` of all that a part has."""
    return sum(map(_outcome_weight, part.outcomes))


def _outcome_weight(outcome: Item) -> int:
    num_clbits = outcome.outline.num_clbits
    expectations = len(outcome.expectations.data) if outcome.expectations else 0
    expectations += sum(len(saved.value.data) for saved in outcome.saved)
    if isinstance(outcome, SweepOutcome):
        return expectations + weight(
            num_clbits,
            state=len(outcome.states.data) if outcome.states else 0,
            outcomes=math.prod(outcome.counts.shape),
            remembered=math.prod(outcome.memory.shape) if outcome.memory else 0,
        )
    packed = outcome.packed
    expectations += len(outcome.standard_errors.data) if outcome.standard_errors else 0
    return expectations + weight(
        num_clbits,
        state=len(outcome.state.data) if outcome.state else 0,
        outcomes=packed.counts.shape[0] if packed else len(outcome.counts or ()),
        remembered=packed.of_shots.shape[0] if packed and packed.of_shots else len(outcome.memory or ()),
    )
