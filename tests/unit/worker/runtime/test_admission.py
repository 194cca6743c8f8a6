"""Admission: bytes asked against bytes free."""

from __future__ import annotations

import contextlib
import multiprocessing
import re
import subprocess
import sys

import pytest
from support.faults.cgroup import MemoryGroup
from support.patience import deadline

from simulator.errors import MemoryRefusedError
from simulator.sizes import size
from worker.runtime.admission import (
    Admission,
    NoRoomError,
    available_memory,
    control_groups,
    total_memory,
)

pytestmark = pytest.mark.slow  # starts processes


@contextlib.contextmanager
def promised(admission, required):
    """Another process, alive, that holds none of what it was promised in slot 1."""
    fork = multiprocessing.get_context("fork")
    admitted = fork.Event()

    def hold():
        admission.admit(1, required)
        admitted.set()
        fork.Event().wait(60)

    other = fork.Process(target=hold)
    other.start()
    try:
        assert admitted.wait(deadline(10))
        yield other
    finally:
        other.kill()
        other.join()


def test_within_the_machine():
    """What is available is part of what there is."""
    assert 0 < available_memory() <= total_memory()


def test_fits():
    """A small run is admitted."""
    Admission().admit(0, 1 << 20)


@pytest.mark.rule(25)
def test_refused_with_both_figures():
    """What fits no worker is refused with the required and the available bytes."""
    asked = 2 * total_memory()
    needed = re.escape(size(asked, up=True))
    with pytest.raises(
        MemoryRefusedError, match=rf"needs {needed} of memory; this worker has [\d.]+ .iB available"
    ):
        Admission().admit(0, asked)


def test_a_limit_is_what_it_says():
    """What a node is allowed is what its runs may take together, and never more than the machine has for runs."""
    assert Admission(1 << 30).capacity == 1 << 30
    assert Admission(2 * total_memory()).capacity == Admission().capacity < total_memory()
    with pytest.raises(MemoryRefusedError, match="has 32 MiB available"):
        Admission(32 << 20).admit(0, 33 << 20)


def test_another_worker_has_room():
    """What fits a wider worker that is up goes back instead of failing."""
    asked = 2 * total_memory()
    with pytest.raises(NoRoomError):
        Admission().admit(0, asked, lambda: 4 * asked)


def test_promises_of_other_slots():
    """What another slot was promised and has not touched yet is not free; what it gave back is."""
    admission = Admission()
    with promised(admission, total_memory() // 2):
        with pytest.raises(NoRoomError):
            admission.admit(0, total_memory() // 2)
        admission.leave(1)
        admission.admit(0, available_memory() // 2)


def test_the_dead_have_no_claim():
    """A killed process's promise counts for nothing."""
    admission = Admission()
    with promised(admission, total_memory() // 2) as other:
        other.kill()
        other.join()
        admission.admit(0, available_memory() // 2)


LIMITS = """
from worker.runtime.admission import Admission, available_memory, total_memory
print(total_memory(), available_memory(), Admission().capacity)
"""


@pytest.mark.rule(25)
def test_a_control_group_limits_what_there_is():
    """What systemd, Slurm or a container allows a process is all it has, wherever the limit stands."""
    group, limit = MemoryGroup(), 256 << 20
    try:
        group.limit(limit)
        done = subprocess.run(
            [*group.join, sys.executable, "-c", LIMITS],
            capture_output=True, text=True, check=True, timeout=deadline(30),
        )  # fmt: skip
    finally:
        group.close()
    total, available, capacity = map(int, done.stdout.split())
    assert total == limit
    assert 0 < available < limit
    assert capacity == int(0.9 * limit)


@pytest.mark.parametrize(
    ("listed", "limits"),
    [
        ("0::/", ["memory.max", "memory/memory.limit_in_bytes"]),
        (
            "0::/system.slice/basicaer-worker.service\n",
            ["system.slice/basicaer-worker.service/memory.max", "system.slice/memory.max", "memory.max",
             "memory/memory.limit_in_bytes"],
        ),
        (
            "5:cpu,cpuacct:/\n4:memory:/slurm/job_7\n1:name=systemd:/other\n",
            ["memory.max", "memory/slurm/job_7/memory.limit_in_bytes", "memory/slurm/memory.limit_in_bytes",
             "memory/memory.limit_in_bytes"],
        ),
        ("", ["memory.max", "memory/memory.limit_in_bytes"]),
    ],
)  # fmt: skip
def test_which_groups_count(listed, limits):
    """A process's own group and all around it, of either version."""
    assert [str(group.limit) for group in control_groups(listed)] == [f"/sys/fs/cgroup/{name}" for name in limits]
