"""What a process keeps between runs: plans of circuits and of observables."""

from __future__ import annotations

from simulator import observables
from simulator.circuit import remembered
from simulator.evolve import plan_cache


def clear_caches() -> None:
    """Forget all plans, so that the next run takes as long as the first one."""
    plan_cache.clear()
    observables.clear_cache()
    remembered.forget()
