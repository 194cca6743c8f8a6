"""A circuit as plain data, checked when it is built: gates, classical expressions, instructions, the Program."""

from simulator.circuit.array import Array
from simulator.circuit.instructions import Instruction
from simulator.circuit.program import Program

__all__ = ["Array", "Instruction", "Program"]
