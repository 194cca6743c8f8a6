"""Quantum circuits as data, and what they do: NumPy, msgspec and the standard library, nothing else.

`Program` is a circuit; `run` simulates one; `run_shard` does what one task carries. Everything else is in the
module that its name says.
"""

from simulator.circuit.program import Program
from simulator.execution import run_shard
from simulator.method import CircuitResult
from simulator.monitor import Monitor
from simulator.shards.part import Part
from simulator.shards.shard import Shard
from simulator.statevector import run

__all__ = ["CircuitResult", "Monitor", "Part", "Program", "Shard", "run", "run_shard"]
