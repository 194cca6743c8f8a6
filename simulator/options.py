"""What holds for every circuit of a job: what it gives, the shots, and how numbers are kept."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np

from simulator.circuit.array import Array
from simulator.errors import InvalidProgramError

#: What a run is to give: counts, the statevector at its end, or the circuit's matrix.
Output: TypeAlias = Literal["counts", "statevector", "unitary"]
#: How it is simulated. "automatic": by what `simulator.choice` says.
Method: TypeAlias = Literal["automatic", "statevector", "density_matrix", "matrix_product_state", "stabilizer"]
#: What may be saved of every circuit, before its final measurements.
SavedAtEnd: TypeAlias = Literal["statevector", "density_matrix", "probability_distribution"]
#: "double": complex128, 16 bytes an amplitude; "single": complex64, 8 bytes.
Precision: TypeAlias = Literal["double", "single"]


class Options(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What holds for every experiment of a job; the names are those of `simulator.run`.

    Only what is not the default travels, and what a reader does not know is refused by name: so an option can be
    added without a new wire version, and no worker runs a job without an option that it was asked for.
    """

    output: Output
    shots: int
    memory: bool = False
    chop_threshold: float = 1e-15
    sample_measuring: bool = True
    #: Shape (2^n,), or (2^n, 2^n) for a unitary; None: |0...0> or the identity.
    initial_state: Array | None = None
    precision: Precision = "double"
    #: Whether the expectation values of the experiments' observables are wanted.
    expectations: bool = False
    #: Whether counts are wanted, where they are the output.
    counts: bool = True
    #: What every circuit saves before its final measurements, and only where nothing is random before them. Each
    #: is of all qubits; "probability_distribution" is of the clbits that are measured.
    saves: tuple[SavedAtEnd, ...] = ()
    method: Method = "automatic"
    #: Of matrix product states: most singular values that a bond keeps, and the share that may be cut off there.
    max_bond: int | None = None
    cutoff: float = 1e-16

    @property
    def drawn_shots(self) -> int:
        """The shots of a program that is random at its end only: none where no counts are wanted."""
        return self.shots if self.output == "counts" and self.counts else 0

    def __post_init__(self) -> None:
        if self.max_bond is not None and self.max_bond < 1:
            raise InvalidProgramError(f"a bond of {self.max_bond} values; at least 1 is kept")
        if not 0 <= self.cutoff < 1:
            raise InvalidProgramError(f"a cutoff of {self.cutoff}; it is a share, from 0 to below 1")
        if self.shots < 0:
            raise InvalidProgramError(f"{self.shots} shots; there may be none, but not fewer")
        if (self.expectations or self.saves) and self.output == "unitary":
            raise InvalidProgramError("a unitary has no expectation values, and no state to save")
        if self.initial_state is not None and not np.isfinite(self.initial_state.ndarray()).all():
            raise InvalidProgramError("the initial state has entries that are not finite")
