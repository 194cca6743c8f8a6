"""Bring the bits of a state's index into another order, in place: in a few passes, each chunk by chunk.

A pass moves bits within the ones that a chunk holds, so a chunk goes back to where it came from, and there is no
second state. Each pass is a stage with one step, and its chunks are those of `planner`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulator.evolve.chunks import Chunk, ChunkBuffers, run_by_chunks
from simulator.kernels.bits import gather, move
from simulator.monitor import Checkpoint
from simulator.plan.plan import Stage
from simulator.plan.planner import chunk_bits
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes

#: Any qubit may be excited: which are in |0> is not known here.
_ALL = -1


@dataclass(frozen=True, slots=True)
class Pass:
    """Bits that move among themselves."""

    #: The bits, ascending.
    local: tuple[int, ...]
    #: New bit ``local[i]`` was bit ``local[sources[i]]``.
    sources: tuple[int, ...]


def permute_bits(psi: Amplitudes, sources: Sequence[int], checkpoint: Checkpoint, tuning: Tuning = TUNING) -> None:
    """Make bit ``sources[i]`` of the index its bit i; calls ``checkpoint`` for each chunk."""
    size = chunk_bits(len(sources), real=psi.dtype.kind == "f", tuning=tuning)
    buffers = ChunkBuffers(size, psi.dtype)
    for each in passes(sources, size, min(size, tuning.local_bits)):
        outer = tuple(bit for bit in range(len(sources)) if bit not in each.local)
        stage = Stage(each.local, outer, outer, (), None, 0)
        run_by_chunks(psi, stage, [_Move(each.sources)], _ALL, buffers, checkpoint)


def passes(sources: Sequence[int], size: int, low: int) -> Iterator[Pass]:
    """Cut a permutation into passes on ``size`` bits each, the ``low`` lowest among them."""
    lying = list(range(len(sources)))
    while lying != list(sources):
        local = _chosen(lying, sources, size, low)
        held = [lying[bit] for bit in local]
        left = [bit for bit in held if bit not in {sources[goal] for goal in local}]
        after = [sources[bit] if sources[bit] in held else left.pop(0) for bit in local]
        yield Pass(tuple(local), tuple(map(held.index, after)))
        for bit, source in zip(local, after, strict=True):
            lying[bit] = source


def _chosen(lying: Sequence[int], sources: Sequence[int], size: int, low: int) -> list[int]:
    """Return the bits of a pass: where a bit's source lies follows it, so each but a few comes to rest."""
    local = set(range(low))
    for start in range(len(sources)):
        bit = start
        # One alone would stay where it is.
        if len(local) + (bit not in local) < size and lying[bit] != sources[bit]:
            while bit not in local or lying.index(sources[bit]) not in local:
                local.add(bit)
                bit = lying.index(sources[bit])
                if len(local) == size:
                    break
    # Whatever room is left goes to the lowest bits: long rows are quick to copy.
    local.update([bit for bit in range(len(sources)) if bit not in local][: size - len(local)])
    return sorted(local)


class _Move:
    """The one step of a pass."""

    def __init__(self, sources: tuple[int, ...]) -> None:
        self._gather = gather(sources)

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:  # noqa: ARG002
        """Gather into ``spare``."""
        move(self._gather, chunk.amplitudes, spare.amplitudes)
        return spare, chunk
