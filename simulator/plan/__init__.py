"""Which gates are multiplied together, and in what order; it knows no angle and no machine.

`make_plan` turns operations into a `Plan`: stages, and in each of them steps on a chunk of the state.
"""

from simulator.plan.operations import Evolving, is_rotation
from simulator.plan.plan import Multiply, Plan, Rotate, Scale, Stage, Whole
from simulator.plan.planner import make_plan

__all__ = ["Evolving", "Multiply", "Plan", "Rotate", "Scale", "Stage", "Whole", "is_rotation", "make_plan"]
