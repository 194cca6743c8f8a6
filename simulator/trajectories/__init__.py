"""Noise, sampled: each shot has errors of its own, and shots with the same errors share a state.

Errors are drawn for all shots at once (`draws`), and pushed through the circuit as far as they go (`frames`). What
is left of them are insertions into the circuit: shots with the same insertions are a pattern, whose state is
computed once (`rows`, or of 18 qubits and more `wide`), and every shot is measured by itself (`outcomes`).
"""

from simulator.trajectories.circuit import read_circuit, refusal
from simulator.trajectories.method import TRAJECTORIES
from simulator.trajectories.run import TrajectoryPlan, run

__all__ = ["TRAJECTORIES", "TrajectoryPlan", "read_circuit", "refusal", "run"]
