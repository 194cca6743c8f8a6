"""BasicAer on Celery, as a Qiskit user sees it.

Names are loaded on first use: ``basicaer worker`` passes through this package and must not load Qiskit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.cluster import LocalCluster
    from jobs.errors import (
        BasicAerError,
        ClusterError,
        JobCancelledError,
        JobExpiredError,
        JobNotFoundError,
        UnreachableError,
    )
    from jobs.job import BasicAerJob
    from jobs.lowering import lower
    from jobs.noise import NoiseSpec
    from jobs.primitives import BasicAerEstimator, BasicAerPrimitiveJob, BasicAerSampler
    from jobs.provider import BasicAerProvider
    from jobs.results.files import load_result

__all__ = [
    "BasicAerError",
    "BasicAerEstimator",
    "BasicAerJob",
    "BasicAerPrimitiveJob",
    "BasicAerProvider",
    "BasicAerSampler",
    "ClusterError",
    "JobCancelledError",
    "JobExpiredError",
    "JobNotFoundError",
    "LocalCluster",
    "NoiseSpec",
    "UnreachableError",
    "load_result",
    "lower",
]

_HOMES = {
    "BasicAerEstimator": "jobs.primitives",
    "BasicAerPrimitiveJob": "jobs.primitives",
    "BasicAerSampler": "jobs.primitives",
    "BasicAerJob": "jobs.job",
    "BasicAerProvider": "jobs.provider",
    "LocalCluster": "jobs.cluster",
    "NoiseSpec": "jobs.noise",
    "load_result": "jobs.results.files",
    "lower": "jobs.lowering",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "jobs.errors")), name)


def __dir__() -> list[str]:
    return [*(name for name in globals() if name.startswith("__")), *__all__]
