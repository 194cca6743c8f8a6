"""What a worker node can do, and what its numbers depend on: told in the register, for those who submit jobs.

One seed gives the same counts on any worker of one CPU architecture, BLAS and version. A fleet that is mixed can
differ in the last bit of an amplitude, and so, seldom, in a count: here is by what.
"""

from __future__ import annotations

import ctypes
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from simulator.cost import max_qubits
from simulator.kernels.threads import cores, thread_count
from simulator.shards.wire import WIRE_VERSION
from worker.record.values import WorkerInfo
from worker.settings import QUEUE

_MAPS = Path("/proc/self/maps")
#: How builds of OpenBLAS name the function that returns the name of the core its kernels are for.
_CORE_NAMES = (
    "scipy_openblas_get_corename64_",
    "scipy_openblas_get_corename",
    "openblas_get_corename64_",
    "openblas_get_corename",
)


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
        qubits=max_qubits(memory, "qasm"),
        instance=instance,
        quota=quota,
        blas=blas(),
        cpu=cpu(),
    )


def blas() -> str:
    """Return the BLAS that NumPy computes with, and the core that its kernels were chosen for, where it tells."""
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    core = _openblas_core()
    return f"{built.get('name')} {built.get('version')}" + (f" ({core})" if core else "")


def cpu() -> str:
    """Return the architecture, and the widest vector instructions that NumPy found."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return " ".join([platform.machine(), *found[-1:]])


def _openblas_core() -> str | None:
    """Ask the OpenBLAS that this process has loaded; None where there is none, or no list of what is loaded."""
    try:
        lines = _MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for path in {line.split(maxsplit=5)[-1] for line in lines if "openblas" in line}:
        library = ctypes.CDLL(path)
        for name in _CORE_NAMES:
            function = getattr(library, name, None)
            if function is not None:
                function.restype = ctypes.c_char_p
                return str(function().decode())
    return None
