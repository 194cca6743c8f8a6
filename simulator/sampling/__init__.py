"""From states to what a result has of them: outcomes, counts and memory, and what was saved."""

from simulator.sampling.counts import ShotCounts
from simulator.sampling.row_sampler import RowSampler
from simulator.sampling.sampler import collapse, sample

__all__ = ["RowSampler", "ShotCounts", "collapse", "sample"]
