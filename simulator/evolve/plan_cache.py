"""The plans that are kept: circuits of one structure share one, whatever their angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from simulator.evolve.bound_plan import BoundPlan
from simulator.evolve.prepared_plan import PreparedPlan
from simulator.monitor import Checkpoint
from simulator.plan.operations import Evolving, signature
from simulator.tuning import Tuning

#: Plans that are kept.
_PLANS = 16


@dataclass(frozen=True, slots=True)
class PlanKey:
    """All that a plan depends on."""

    signature: tuple[object, ...]
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
    prepared: PreparedPlan
    #: Type of a state -> the plan with its numbers, if all circuits of this structure have the same.
    bound: dict[np.dtype[Any], BoundPlan]


@lru_cache(maxsize=_PLANS)
def _cached(key: PlanKey) -> _CachedPlan:
    return _CachedPlan(PreparedPlan(key.instructions, key.qubit_at, real=key.real, tuning=key.tuning), {})


def prepared_plan(key: PlanKey) -> PreparedPlan:
    """Return the plan of a structure."""
    return _cached(key).prepared


def bound_plan(key: PlanKey, dtype: np.dtype[Any], checkpoint: Checkpoint) -> BoundPlan:
    """Return the plan of a structure with the numbers of the key's instructions, for states of a type."""
    cached = _cached(key)
    checkpoint()
    if not (cached.prepared.constant and cached.prepared.light):
        return BoundPlan(cached.prepared, key.instructions, dtype)
    if dtype not in cached.bound:
        cached.bound[dtype] = BoundPlan(cached.prepared, key.instructions, dtype)
    return cached.bound[dtype]


def clear() -> None:
    """Forget all plans."""
    _cached.cache_clear()
