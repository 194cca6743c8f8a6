"""The simulators as Qiskit backends, each by its name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from jobs.backend import BasicAerBackend
from jobs.errors import BasicAerError
from jobs.submit import Submission
from simulator.circuit.program import MAX_QUBITS


class QasmSimulator(BasicAerBackend):
    """Counts and memory of measured circuits, dynamic ones included."""

    NAME = "qasm_simulator"
    OUTPUT = "counts"
    DESCRIPTION = "NumPy simulator of measured circuits"


class StatevectorSimulator(BasicAerBackend):
    """The state at a circuit's end, after one shot."""

    NAME = "statevector_simulator"
    OUTPUT = "statevector"
    DESCRIPTION = "NumPy simulator of statevectors"


class UnitarySimulator(BasicAerBackend):
    """The matrix of a circuit without measurements."""

    NAME = "unitary_simulator"
    OUTPUT = "unitary"
    DESCRIPTION = "NumPy simulator of unitaries"


class _WideSimulator(QasmSimulator):
    """What simulates circuits whose width the workers' memory does not limit."""

    @property
    def num_qubits(self) -> int:
        """How many qubits a circuit may have: the workers' memory is not what limits it."""
        return MAX_QUBITS

    @property
    def max_qubits(self) -> int:
        """How many qubits a circuit may have."""
        return MAX_QUBITS


class StabilizerSimulator(_WideSimulator):
    """Counts of Clifford circuits of any width there may be: `QasmSimulator` with ``method="stabilizer"``."""

    NAME = "stabilizer_simulator"
    DESCRIPTION = "NumPy simulator of measured Clifford circuits"
    DEFAULTS = MappingProxyType({"method": "stabilizer"})


class MpsSimulator(_WideSimulator):
    """Counts of wide circuits that entangle little: `QasmSimulator` with ``method="matrix_product_state"``."""

    NAME = "mps_simulator"
    DESCRIPTION = "NumPy simulator of matrix product states"
    DEFAULTS = MappingProxyType({"method": "matrix_product_state"})


class DensityMatrixSimulator(QasmSimulator):
    """Exact noise: `QasmSimulator` with ``method="density_matrix"`` and ``density_matrix=True``."""

    NAME = "density_matrix_simulator"
    DESCRIPTION = "NumPy simulator of density matrices"
    DEFAULTS = MappingProxyType({"method": "density_matrix", "density_matrix": True})

    @property
    def num_qubits(self) -> int:
        """Half as many as `QasmSimulator` has: a density matrix of n qubits is as large as a state of 2n."""
        return super().num_qubits // 2

    @property
    def max_qubits(self) -> int:
        """As `num_qubits`, asked anew."""
        return super().max_qubits // 2


class UnknownBackend(BasicAerBackend):
    """The backend of a job that another version submitted. It has a name, and runs nothing."""

    OUTPUT = "counts"
    DESCRIPTION = "a backend that this version does not know"

    def __init__(self, provider: Any, name: str) -> None:
        self.NAME = name
        super().__init__(provider)

    def _prepared(self, *_: Any, **__: Any) -> Submission:
        raise BasicAerError(f"This version has no backend {self.NAME!r}: upgrade basicaer-celery to run there.")


#: In the order in which a provider lists them.
BACKENDS = (
    QasmSimulator,
    StatevectorSimulator,
    UnitarySimulator,
    StabilizerSimulator,
    MpsSimulator,
    DensityMatrixSimulator,
)
