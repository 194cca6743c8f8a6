"""How much is worked on at a time, so that it stays in a core's cache.

Other sizes change how fast a run is, and its results by rounding at most, since sums are taken in another order.
"""

from __future__ import annotations

from dataclasses import dataclass

#: log2 of the amplitudes that are worked on at a time: 256 KiB in double precision, so that a few buffers of this
#: size stay in a core's cache.
CACHE_BITS = 14


@dataclass(frozen=True, slots=True)
class Tuning:
    """The sizes that work on a state is cut by."""

    #: Most bits of a state that is narrow, if that is a chunk at most: planning it takes as long as running it.
    narrow_bits: int = 12
    #: log2 of the amplitudes of a chunk, which goes through all steps of a stage before the next one is read.
    chunk_bits: int = CACHE_BITS
    #: log2 of the amplitudes of a chunk of a wide state, for which a plan has fewer stages then, and two threads
    #: wait for each other less often.
    wide_chunk_bits: int = CACHE_BITS + 1
    #: log2 of the amplitudes that are measured, or made those of a result, at a time; and most bits of an outcome
    #: whose distribution is kept.
    piece_bits: int = CACHE_BITS
    #: The lowest bits of a state's index that are in every chunk, so that whole rows of memory are read and
    #: written.
    local_bits: int = 3
    #: log2 of the shortest run of neighbouring amplitudes that NumPy goes through fast.
    run_bits: int = 5


#: What runs use.
TUNING = Tuning()
