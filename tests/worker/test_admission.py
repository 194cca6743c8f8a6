"""Admission: bytes asked against bytes free."""

from __future__ import annotations

import pytest

from simulator.errors import MemoryRefusedError
from worker.admission import admit, available_memory, total_memory


def test_within_the_machine():
    """What is available is part of what there is."""
    assert 0 < available_memory() <= total_memory()


def test_fits():
    """A small run is admitted."""
    admit(1 << 20)


def test_refused_with_both_figures():
    """Rule 25: what does not fit is refused with the required and the available bytes."""
    asked = 2 * total_memory()
    with pytest.raises(MemoryRefusedError, match=rf"needs {asked} bytes of memory; this worker has \d+ available"):
        admit(asked)
