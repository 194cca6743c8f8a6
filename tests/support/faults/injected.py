"""Loaded into a worker by ``-I support.faults.injected``: runs of circuits with a fault's mark meet it first.

The mark is the circuit's global phase, which no count depends on.

The fault comes in the pool's child, between CLAIM and the engine, as often as ``FAULT_TIMES`` says; a file for
each time, in the folder ``FAULT_FOLDER``, outlives the child. After that the engine runs the shard.
"""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

from worker.runtime import shard_run

simulate = shard_run.run_shard


def deadlock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def hold_the_interpreter() -> None:
    """One call into C that lets no other thread of Python run."""
    seconds = int(os.environ["FAULT_SECONDS"])
    assert ctypes.PyDLL(None).sleep(seconds) == 0


def unforeseen() -> None:
    raise KeyError("nobody foresaw this")


FAULTS = (deadlock, hold_the_interpreter, unforeseen)


def mark(name: str) -> float:
    """Return the global phase that says this fault."""
    return 1.0 + [fault.__name__ for fault in FAULTS].index(name)


def _is_due(name: str) -> bool:
    for number in range(int(os.environ["FAULT_TIMES"])):
        try:
            Path(os.environ["FAULT_FOLDER"], f"{name}.{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return True
    return False


def simulate_with_fault(shard, *arguments, **options):
    for fault in FAULTS:
        if shard.items[0].program.global_phase == mark(fault.__name__) and _is_due(fault.__name__):
            fault()
    return simulate(shard, *arguments, **options)


shard_run.run_shard = simulate_with_fault
