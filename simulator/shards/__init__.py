"""What a task is given and what it gives back, and the bytes of both."""

from simulator.shards.part import Part, merge
from simulator.shards.result import Failure, Outcome, SweepOutcome
from simulator.shards.shard import Experiment, Shard, Sweep

__all__ = ["Experiment", "Failure", "Outcome", "Part", "Shard", "Sweep", "SweepOutcome", "merge"]
