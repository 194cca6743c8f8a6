"""From probabilities to outcomes, and from outcomes to counts and memory."""

from simulator.sampling.counts import ShotCounts
from simulator.sampling.row_sampler import RowSampler
from simulator.sampling.sampler import collapse, sample

__all__ = ["RowSampler", "ShotCounts", "collapse", "sample"]
