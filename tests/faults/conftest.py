"""A farm: a Redis of the test's own, and workers whose leases are short."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.faults.farm import Farm

#: Seconds; on a machine with much to do a worker still renews it in time.
LEASE = 1.5


@pytest.fixture
def farm(request) -> Iterator[Farm]:
    """A farm with one worker, or as many as the test's parameter says; at the end its record is whole."""
    with ExitStack() as stack:
        # Short: a unix socket's path has at most 104 bytes.
        folder = Path(tempfile.mkdtemp(prefix="basicaer-farm-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        farm = Farm(folder, LEASE, stack)
        farm.hire(getattr(request, "param", 1))
        yield farm
        farm.check()
