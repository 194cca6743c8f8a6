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
from simulator.plan.operations import Evolving, Signed, signature
from simulator.tuning import Tuning

#: Plans that are kept, narrow ones and others.
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


class _CachedNarrowPlan(NamedTuple):
    plan: narrow.NarrowPlan
    #: As in `_CachedPlan`.
    bound: dict[np.dtype[Any], narrow.BoundPlan]


@lru_cache(maxsize=_PLANS)
def _cached_narrow(key: PlanKey) -> _CachedNarrowPlan:
    return _CachedNarrowPlan(narrow.NarrowPlan(key.signature, key.qubit_at, real=key.real), {})


def narrow_plan(key: PlanKey) -> narrow.NarrowPlan:
    """Return the plan of a structure, for narrow states."""
    return _cached_narrow(key).plan


def bound_narrow_plan(key: PlanKey, dtype: np.dtype[Any]) -> narrow.BoundPlan:
    """Return the plan of a structure with the numbers of the key's instructions, for narrow states of a type."""
    plan, bound = _cached_narrow(key)
    if not plan.constant:
        return narrow.BoundPlan(plan, key.instructions, dtype)
    if dtype not in bound:
        bound[dtype] = narrow.BoundPlan(plan, key.instructions, dtype)
    return bound[dtype]


def clear() -> None:
    """Forget all plans."""
    _cached.cache_clear()
    _cached_narrow.cache_clear()
