"""Control flow that parts shots -> nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from simulator.circuit import expression as ex
from simulator.circuit.instructions import (
    Box,
    Break,
    Continue,
    For,
    IfElse,
    Instruction,
    Range,
    Switch,
    While,
)
from simulator.errors import InvalidProgramError
from simulator.stabilizer.layering.code import Choose, End, Enter, Jump, Next, Node, Run
from simulator.stabilizer.layering.control_flow import parts_shots
from simulator.stabilizer.layering.layers import Segment


def nodes_of(
    instructions: Sequence[Instruction], segment_of: Callable[[Sequence[Instruction]], Segment]
) -> tuple[Node, ...]:
    """Return the nodes of a program; what parts no shots is put into segments."""
    flow = _Flow(segment_of)
    flow.add_all(instructions)
    flow.nodes.append(End())
    return tuple(flow.nodes)


class _Flow:
    def __init__(self, segment_of: Callable[[Sequence[Instruction]], Segment]) -> None:
        self.nodes: list[Node] = []
        self._segment_of = segment_of
        #: Of each loop that an instruction is in, the last the innermost: where it goes on, and jumps out of it.
        self._loops: list[tuple[int, list[Jump]]] = []
        self._num_loops = 0

    def add_all(self, instructions: Iterable[Instruction]) -> None:
        straight: list[Instruction] = []
        for instruction in instructions:
            if not parts_shots(instruction):
                straight.append(instruction)
                continue
            self._add_segment(straight)
            straight = []
            self._add(instruction)
        self._add_segment(straight)

    def _add_segment(self, instructions: Sequence[Instruction]) -> None:
        if instructions:
            self.nodes.append(Run(self._segment_of(instructions)))

    def _add(self, instruction: Instruction) -> None:
        match instruction:
            case Box(body=body):
                self.add_all(body)
            case IfElse(condition=condition, true_body=true_body, false_body=false_body):
                self._arms(self._choose(condition), [(None, true_body)], false_body)
            case Switch():
                self._switch(instruction)
            case While():
                self._while(instruction)
            case For():
                self._for(instruction)
            case Break():
                self._jump(self._loops[-1][1])
            case Continue():
                self.nodes.append(Jump(self._loops[-1][0]))
            case _:
                raise InvalidProgramError(f"{type(instruction).__name__} parts no shots")

    def _choose(self, expression: ex.Expression) -> Choose:
        choice = Choose(expression)
        self.nodes.append(choice)
        return choice

    def _arms(
        self,
        choice: Choose,
        cases: Iterable[tuple[frozenset[int] | None, Sequence[Instruction]]],
        otherwise: Sequence[Instruction],
    ) -> None:
        ends: list[Jump] = []
        for values, body in cases:
            choice.arms.append((values, len(self.nodes)))
            self.add_all(body)
            self._jump(ends)
        choice.otherwise = len(self.nodes)
        self.add_all(otherwise)
        self._land(ends)

    def _switch(self, instruction: Switch) -> None:
        cases = list[tuple[frozenset[int] | None, Sequence[Instruction]]]()
        otherwise: Sequence[Instruction] = ()
        for case in instruction.cases:
            if not case.values:
                # It takes whatever no case before it does.
                otherwise = case.body
                break
            cases.append((frozenset(map(ex.uint_of, case.values)), case.body))
        self._arms(self._choose(instruction.target), cases, otherwise)

    def _while(self, instruction: While) -> None:
        head = len(self.nodes)
        choice = self._choose(instruction.condition)
        choice.arms.append((None, len(self.nodes)))
        exits = self._looped(instruction.body, head)
        choice.otherwise = len(self.nodes)
        self._land(exits)

    def _for(self, instruction: For) -> None:
        indices = instruction.indices.ints() if isinstance(instruction.indices, Range) else instruction.indices
        loop, self._num_loops = self._num_loops, self._num_loops + 1
        self.nodes.append(Enter(loop))
        head = Next(loop, indices, instruction.variable)
        at, exits = len(self.nodes), list[Jump]()
        self.nodes.append(head)
        for body in instruction.bodies:
            head.bodies.append(len(self.nodes))
            exits += self._looped(body, at)
        head.exit = len(self.nodes)
        self._land(exits)

    def _looped(self, body: Sequence[Instruction], head: int) -> list[Jump]:
        """Add a loop's body; return the jumps out of it."""
        exits: list[Jump] = []
        self._loops.append((head, exits))
        self.add_all(body)
        self._loops.pop()
        self.nodes.append(Jump(head))
        return exits

    def _jump(self, to_be_landed: list[Jump]) -> None:
        jump = Jump()
        self.nodes.append(jump)
        to_be_landed.append(jump)

    def _land(self, jumps: Iterable[Jump]) -> None:
        for jump in jumps:
            jump.target = len(self.nodes)
