"""The least time that a plan can take on this machine: its work, over rates measured in the same run.

The rates are this machine's best: large copies in main memory, copies within a core's cache, and the product of
two matrices that fit a cache. The three times are added, since a core does one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import numpy as np

#: Bytes of the two arrays of a copy, for each thread: far more than a cache, and well within a core's own.
_IN_MEMORY = 1 << 27
_IN_CACHE = 1 << 19
_MATRIX_SIDE = 256
#: Seconds that each rate is measured for, and how often.
_DURATION = 0.05
_REPEATS = 9


@dataclass(frozen=True, slots=True)
class Work:
    """What a plan does for each amplitude of the state."""

    flops: float
    #: Read and written in main memory.
    memory_bytes: float
    #: Read and written by what stays in cache: gathers, and the operands of small products.
    cache_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What the machine does in a second, all threads at work at once."""

    memory_bytes: float
    cache_bytes: float
    #: By precision.
    flops: Mapping[str, float]

    def seconds(self, work: Work, num_qubits: int, precision: str = "double") -> float:
        """Return the floor of a plan."""
        each = (
            work.flops / self.flops[precision]
            + work.memory_bytes / self.memory_bytes
            + work.cache_bytes / self.cache_bytes
        )
        return each * 2.0**num_qubits

    def __str__(self) -> str:
        flops = " and ".join(f"{rate / 1e9:.0f} GFLOP/s {name}" for name, rate in self.flops.items())
        return (
            f"copies {self.memory_bytes / 1e9:.1f} GB/s in memory and {self.cache_bytes / 1e9:.0f} GB/s in cache "
            f"(read and written); matrix product {flops}"
        )


def measured(threads: int) -> Rates:
    """Measure this machine's rates with so many threads."""
    together = Barrier(threads)
    with ThreadPoolExecutor(threads) as pool:

        def rate(start: Callable[[], tuple[Callable[[], object], float]]) -> float:
            """Return the best of a few sums over the threads: what disturbs a rate makes the floor too high."""
            return max(
                sum(pool.map(lambda _: _per_second(*start(), together), range(threads))) for _ in range(_REPEATS)
            )

        return Rates(
            memory_bytes=rate(lambda: _copying(_IN_MEMORY)),
            cache_bytes=rate(lambda: _copying(_IN_CACHE)),
            flops={
                "double": rate(lambda: _multiplying(np.float64)),
                "single": rate(lambda: _multiplying(np.float32)),
            },
        )


def _copying(size: int) -> tuple[Callable[[], object], float]:
    """Return a copy between two arrays of ``size`` bytes together, and the bytes that it moves."""
    source, goal = np.ones(size // 16), np.ones(size // 16)
    return lambda: np.copyto(goal, source), float(size)


def _multiplying(dtype: type[np.floating]) -> tuple[Callable[[], object], float]:
    """Return a product of matrices, and its operations."""
    matrices = np.ones((3, _MATRIX_SIDE, _MATRIX_SIDE), dtype)
    return lambda: np.matmul(matrices[0], matrices[1], out=matrices[2]), 2.0 * _MATRIX_SIDE**3


def _per_second(call: Callable[[], object], amount: float, together: Barrier) -> float:
    """Return how much a call gets done in a second while the other threads are at theirs."""
    call()
    together.wait()
    begin, calls = time.perf_counter(), 0
    while (taken := time.perf_counter() - begin) < _DURATION:
        call()
        calls += 1
    return calls * amount / taken
