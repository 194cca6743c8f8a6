"""What a worker node can do, and what its numbers depend on: a user finds it in `provider.workers()`.

One seed gives the same counts on any worker of one CPU architecture, BLAS and version. A fleet that is mixed can
differ in the last bit of an amplitude, and so, seldom, in a count: here is by what.
"""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np
from threadpoolctl import threadpool_info

from simulator.cost import max_qubits
from simulator.kernels.threads import cores, thread_count
from simulator.shards.wire import WIRE_VERSION
from worker.record.values import WorkerInfo
from worker.settings import QUEUE


def describe(name: str, *, slots: int, memory: int, instance: str = "", quota: int | None = None) -> WorkerInfo:
    """Return what the node of this process is and has; ``memory`` is the bytes that its runs may take together.

    ``instance`` tells it from others of its name; ``quota`` is what an owner's jobs may weigh, if it is to say so.
    """
    return WorkerInfo(
        name=name,
        slots=slots,
        lanes=(QUEUE,),
        memory=memory,
        wire=WIRE_VERSION,
        versions={
            "basicaer-celery": version("basicaer-celery"),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "celery": version("celery"),
        },
        cores=cores(),
        threads=thread_count(),
        qubits=max_qubits(memory, "counts"),
        instance=instance,
        quota=quota,
        blas=blas(),
        cpu=cpu(),
    )


def blas() -> str:
    """Return the BLAS that NumPy computes with, and the core that its kernels were chosen for, where it tells."""
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    cores = {library["architecture"] for library in threadpool_info() if library.get("architecture")}
    return " ".join([f"{built.get('name')} {built.get('version')}", *(f"({core})" for core in sorted(cores))])


def cpu() -> str:
    """Return the architecture, and the widest vector instructions that NumPy found."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return " ".join([platform.machine(), *found[-1:]])
