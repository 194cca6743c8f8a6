"""Checks that several of these tests make."""

from __future__ import annotations

from simulator.circuit.program import Program
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.shard import Experiment, Shard


def assert_travels(program: Program) -> None:
    """A Program is the same at the other end of the wire."""
    shard = Shard(Options("counts", 1), (Experiment(0, 1, program),))
    assert wire.decode_shard(wire.encode(shard)) == shard
