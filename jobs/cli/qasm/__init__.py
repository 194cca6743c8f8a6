"""OpenQASM 2 and 3 files -> Programs, or one line that says why not: whatever the bytes, within bounds."""

from jobs.cli.qasm.reading import READ_SECONDS, read_program
from jobs.cli.qasm.source import UnreadableCircuitError

__all__ = ["READ_SECONDS", "UnreadableCircuitError", "read_program"]
