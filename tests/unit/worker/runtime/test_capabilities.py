"""What a worker node says of itself."""

from __future__ import annotations

import os
import platform
import re

import msgspec
import numpy as np
import pytest

from simulator.cost import max_qubits
from simulator.shards.wire import WIRE_VERSION
from worker.record.values import WorkerInfo
from worker.runtime.capabilities import describe


@pytest.mark.rule(32)
def test_a_node_tells_what_its_numbers_depend_on():
    """A worker reports its versions, its BLAS with the core that it computes for, and its CPU."""
    info = describe("w1", slots=3, memory=1 << 30)
    assert (info.name, info.slots, info.memory, info.wire) == ("w1", 3, 1 << 30, WIRE_VERSION)
    assert info.versions["numpy"] == np.__version__
    assert info.versions["python"] == platform.python_version()
    assert 1 <= info.threads <= info.cores <= os.cpu_count()
    assert info.qubits == max_qubits(1 << 30, "counts")
    assert re.match(r"\S+ [\d.]+", info.blas)
    if "openblas" in info.blas and platform.system() == "Linux":
        assert re.search(r"\(\w+\)$", info.blas)
    assert info.cpu.startswith(platform.machine())


def test_an_older_worker_says_less():
    """Workers are upgraded first, but an old one that still runs is read as far as it goes."""
    old = b'{"name":"old","slots":1,"lanes":["basicaer"],"memory":5,"wire":1,"versions":{"numpy":"2"}}'
    info = msgspec.json.decode(old, type=WorkerInfo)
    assert (info.name, info.memory, info.cores, info.qubits, info.blas) == ("old", 5, 0, 0, "")
