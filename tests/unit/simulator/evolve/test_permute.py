"""Bits of an index that move in place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from simulator.errors import StoppedError
from simulator.evolve.permute import passes, permute_bits
from simulator.kernels.threads import use_threads
from simulator.monitor import no_checkpoint
from simulator.tuning import Tuning


@pytest.fixture(params=[(14, 3, 1), (5, 3, 1), (5, 0, 2), (6, 2, 4)], ids=str, scope="module")
def tuning(request: pytest.FixtureRequest) -> Iterator[Tuning]:
    """Chunks of several sizes, by several threads."""
    chunk, low, threads = request.param
    use_threads(threads)
    yield Tuning(chunk_bits=chunk, local_bits=low)
    use_threads(None)


@examples(100)
@given(data=st.data(), num_bits=st.integers(0, 10), dtype=st.sampled_from([np.complex128, np.float32]))
def test_permute_bits(data: st.DataObject, num_bits: int, dtype: type, tuning: Tuning) -> None:
    """Bit i of an index is, afterwards, what was bit sources[i], however the chunks are cut."""
    sources = data.draw(st.permutations(range(num_bits)))
    indices = np.arange(1 << num_bits)
    before = sum(((indices >> place & 1) << source for place, source in enumerate(sources)), 0 * indices)
    psi = indices.astype(dtype)
    permute_bits(psi, tuple(sources), no_checkpoint, tuning)
    np.testing.assert_array_equal(psi, before.astype(dtype))


@settings(deadline=None)
@given(sources=st.permutations(range(26)))
def test_two_passes(sources: list[int]) -> None:
    """Two passes over a state of 26 bits are enough for any order, each on 15 bits, the lowest 3 among them."""
    found = list(passes(sources, 15, 3))
    assert len(found) <= 2
    assert all(len(each.local) == 15 and each.local[:3] == (0, 1, 2) for each in found)


def test_nothing_to_do() -> None:
    """Bits that lie right cost no pass."""
    assert not list(passes(range(20), 15, 3))


def test_a_checkpoint_ends_it() -> None:
    """What the checkpoint raises comes out."""

    def stop() -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        permute_bits(np.zeros(1 << 16), tuple(reversed(range(16))), stop)
