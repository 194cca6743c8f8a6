"""The circuits and the noise models that are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from benchmarks.common import families

#: Gates that the models have errors for.
_BASIS = ("cx", "rz", "sx", "x")


def _qaoa(width: int) -> QuantumCircuit:
    rng = np.random.default_rng(width)
    circuit = QuantumCircuit(width)
    circuit.h(range(width))
    edges = {tuple(sorted(rng.choice(width, 2, replace=False).tolist())) for _ in range(3 * width // 2)}
    for gamma, beta in rng.random((2, 2)).tolist():
        for one, other in sorted(edges):
            circuit.rzz(gamma, one, other)
        circuit.rx(beta, range(width))
    return circuit


def _trotter(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    for _ in range(5):
        circuit.rx(0.3, range(width))
        for start in (0, 1):
            for qubit in range(start, width - 1, 2):
                circuit.rzz(0.2, qubit, qubit + 1)
    return circuit


def _clifford_and_t(width: int) -> QuantumCircuit:
    """Clifford gates, of which 5 % are T gates."""
    rng = np.random.default_rng(width)
    circuit = QuantumCircuit(width)
    for _ in range(10):
        for qubit in range(width):
            gates = (circuit.t,) if rng.random() < 0.05 else (circuit.h, circuit.s, circuit.sx)  # noqa: PLR2004
            gates[int(rng.integers(len(gates)))](qubit)
        order = rng.permutation(width).tolist()
        for one, other in zip(order[::2], order[1::2], strict=False):
            circuit.cx(one, other)
    return circuit


def _qft(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    circuit.x(range(0, width, 2))
    return circuit.compose(families.qft(width))


FAMILIES: Mapping[str, Callable[[int], QuantumCircuit]] = MappingProxyType(
    {
        "ghz": families.ghz,
        "qv": families.quantum_volume,
        "qaoa": _qaoa,
        "trotter": _trotter,
        "qft": _qft,
        "clifford+t": _clifford_and_t,
    }
)
#: Width -> the numbers of shots, and for each the least ratio to Aer: of any family, and of quantum volume.
SHOTS: Mapping[int, Mapping[int, tuple[float, float]]] = MappingProxyType(
    {
        4: {10_000: (3, 3)},
        8: {10_000: (5, 3), 100_000: (14, 9)},
        12: {1000: (15, 15)},
        16: {100: (2.5, 1.5), 1000: (2.5, 1.5)},
        20: {10: (1, 1), 100: (5, 5)},
    }
)
MODELS = ("depolarizing", "backend")


@dataclass(frozen=True, slots=True)
class Case:
    """One circuit under one model."""

    family: str
    width: int
    shots: int
    model: str

    @property
    def wanted(self) -> float:
        """The least ratio to Aer."""
        return SHOTS[self.width][self.shots][self.family == "qv"]

    def circuit(self) -> QuantumCircuit:
        """Return the circuit, in the model's basis, measured."""
        made = transpile(
            FAMILIES[self.family](self.width).remove_final_measurements(inplace=False),
            basis_gates=list(_BASIS),
            optimization_level=1,
            seed_transpiler=1,
        )
        made.measure_all()
        return made

    def noise(self) -> Any:
        """Return Aer's model."""
        if self.model == "backend":
            return NoiseModel.from_backend(GenericBackendV2(self.width, seed=7))
        model = NoiseModel()
        model.add_all_qubit_quantum_error(depolarizing_error(0.001, 1), ["sx", "x"])
        model.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
        model.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.02, 0.98]]))
        return model


def cases() -> Iterator[Case]:
    """Yield all cases, the narrow ones first."""
    for width, numbers in SHOTS.items():
        for shots in numbers:
            for model in MODELS:
                for family in FAMILIES:
                    yield Case(family, width, shots, model)
