"""What the simulator refuses.

```
SimulatorError
├── InvalidProgramError    the Program itself is wrong; the same on every machine
├── WireError              bytes that are not a Program, Shard or Part of this version
├── ProgramRuntimeError    a run met a value it cannot go on with (division by zero, an unset variable)
├── MemoryRefusedError     the run would need more memory than there is; nothing was allocated
└── StoppedError           the checkpoint asked the run to stop
```
"""


class SimulatorError(Exception):
    """Any refusal of the simulator."""


class InvalidProgramError(SimulatorError, ValueError):
    """A Program that cannot be built; ValueError, so that msgspec reports it as a validation error."""


class WireError(SimulatorError):
    """Bytes that do not decode."""


class ProgramRuntimeError(SimulatorError):
    """A run met a value it cannot go on with."""


class MemoryRefusedError(SimulatorError):
    """Names the bytes that are required and those that are available."""


class StoppedError(SimulatorError):
    """Raised by a checkpoint to end the run; never an error of the circuit."""
