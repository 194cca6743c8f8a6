"""The plans that are kept: circuits of one structure share one, whatever their angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from simulator import narrow
from simulator.evolve.bound_plan import BoundPlan
from simulator.evolve.prepared_plan import PreparedPlan
from simulator.monitor import Checkpoint
from simulator.narrow import NarrowPlan
from simulator.plan.operations import Evolving, Signed, signature
from simulator.tuning import Tuning

#: Plans that are kept.
_PLANS = 16


@dataclass(frozen=True, slots=True)
class PlanKey:
    """All that a plan depends on."""

    signature: tuple[Signed, ...]
    #: The qubit at each bit of the state, at the beginning.
    qubit_at: tuple[int, ...]
    real: bool
    tuning: Tuning
    #: Any that have this signature.
    instructions: Sequence[Evolving] = field(compare=False)

    @classmethod
    def of(
        cls, instructions: Sequence[Evolving], qubit_at: tuple[int, ...], tuning: Tuning, *, real: bool
    ) -> PlanKey:
        """Return the key of instructions on a state with the qubit ``qubit_at[bit]`` at each bit."""
        return cls(signature(instructions), qubit_at, real, tuning, instructions)


class _CachedPlan(NamedTuple):
    plan: PreparedPlan | NarrowPlan
    #: Type of a state -> the plan with its numbers, if all circuits of this structure have the same.
    bound: dict[np.dtype[Any], BoundPlan | narrow.BoundPlan]


@lru_cache(maxsize=_PLANS)
def _cached(key: PlanKey) -> _CachedPlan:
    if is_narrow(len(key.qubit_at), key.tuning):
        return _CachedPlan(NarrowPlan(key.signature, key.qubit_at, real=key.real), {})
    return _CachedPlan(PreparedPlan(key.instructions, key.qubit_at, real=key.real, tuning=key.tuning), {})


def is_narrow(num_bits: int, tuning: Tuning) -> bool:
    """Whether a state of so many bits is narrow, so that several can be evolved at once."""
    return num_bits <= min(tuning.narrow_bits, tuning.chunk_bits)


def plan_of(key: PlanKey) -> PreparedPlan | NarrowPlan:
    """Return the plan of a structure."""
    return _cached(key).plan


def bound_plan(key: PlanKey, dtype: np.dtype[Any], checkpoint: Checkpoint) -> BoundPlan | narrow.BoundPlan:
    """Return the plan of a structure with the numbers of the key's instructions, for states of a type."""
    plan, kept = _cached(key)
    checkpoint()
    bound = kept.get(dtype)
    if bound is None:
        if isinstance(plan, NarrowPlan):
            bound = narrow.BoundPlan(plan, key.instructions, dtype)
        else:
            bound = BoundPlan(plan, key.instructions, dtype)
        if plan.keeps_numbers:
            kept[dtype] = bound
    return bound


def clear() -> None:
    """Forget all plans."""
    _cached.cache_clear()
