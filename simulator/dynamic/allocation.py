"""Which qubits states have, as a program goes on: they come before something touches them, and go when freed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Allocation:
    """The qubits that states have at this point of the bytecode."""

    #: At the start.
    start: tuple[int, ...]
    #: Those that may be in another state than |0>.
    touched: set[int]
    present: set[int] = field(init=False)
    #: How many were touched when all of them were present.
    _allocated: int = 0

    def __post_init__(self) -> None:
        self.present = set(self.start)

    def missing(self) -> tuple[int, ...]:
        """Return the touched qubits that are not there yet, and note that they are."""
        if len(self.touched) == self._allocated:
            return ()
        self._allocated = len(self.touched)
        missing = tuple(sorted(self.touched - self.present))
        self.present.update(missing)
        return missing

    def free(self, qubit: int) -> None:
        """Take out a qubit that is there."""
        self.present.remove(qubit)
        self.touched.remove(qubit)
        self._allocated -= 1
