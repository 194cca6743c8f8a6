"""States of few bits: gates are placed into blocks in one pass, and all else is done with arrays, for many states.

A `NarrowPlan` says which gates are multiplied into which block, whatever their angles; a `BoundPlan` has the
numbers of one circuit, or of each row of a sweep, and takes states through its steps.
"""

from simulator.narrow.bound import BoundPlan
from simulator.narrow.plan import NarrowPlan

__all__ = ["BoundPlan", "NarrowPlan"]
