"""The error of a circuit that cannot be lowered.

```
jobs.errors.BasicAerError
└── LoweringError      the circuit cannot become a Program; the text names the circuit, the part, and the cure
```
"""

from jobs.errors import BasicAerError


class LoweringError(BasicAerError):
    """A circuit that cannot become a Program."""
