"""Programs whose control flow parts shots: segments, and jumps between them.

Shots that take the same way have the same tableau. A segment is what lies between two places where ways part or
meet: it has layers of its own, and leaves nothing that is put off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from simulator.circuit.expression import Expression
from simulator.stabilizer.layering.layers import Segment

#: The index of a node.
Target: TypeAlias = int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Run a segment, and go on with the next node."""

    segment: Segment


@dataclass(slots=True, eq=False)
class Jump:
    """Go on elsewhere."""

    target: Target = 0


@dataclass(slots=True, eq=False)
class Choose:
    """Go on where the value of an expression says: at the first arm that has it, or else otherwise."""

    expression: Expression
    #: Values of each arm; None: whatever is true.
    arms: list[tuple[frozenset[int] | None, Target]] = field(default_factory=list)
    otherwise: Target = 0


@dataclass(frozen=True, slots=True, eq=False)
class Enter:
    """Begin a loop: its next round is the first."""

    loop: int


@dataclass(slots=True, eq=False)
class Next:
    """Begin the next round of a loop, or leave it."""

    loop: int
    indices: range | tuple[int, ...]
    #: What has the index.
    variable: int | None
    #: One of all rounds, or one of each.
    bodies: list[Target] = field(default_factory=list)
    exit: Target = 0


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """The shots have come to the end."""


Node: TypeAlias = Run | Jump | Choose | Enter | Next | End
