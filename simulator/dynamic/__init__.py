"""Measurements, resets and control flow: shots in the same state share one copy of it.

`Timeline.of` looks at a program, `compile_program` makes bytecode of it, and an `Interpreter` runs that on any
`States`.
"""

from simulator.dynamic.branches import Branch
from simulator.dynamic.bytecode import Bytecode
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.interpreter import Interpreter
from simulator.dynamic.states import States
from simulator.dynamic.timeline import Timeline

__all__ = ["Branch", "Bytecode", "Interpreter", "States", "Timeline", "compile_program"]
