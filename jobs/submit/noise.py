"""The option ``noise_model``: circuits with the errors that their operations have."""

from __future__ import annotations

from jobs.errors import BasicAerError
from jobs.noise import Attacher
from jobs.submit.checks import Circuit
from simulator.circuit.program import Program


def with_noise(circuit: Circuit, attacher: Attacher | None) -> Circuit:
    """Return a circuit with its errors; None: as it is."""
    if attacher is None:
        return circuit
    if isinstance(circuit, Program):
        raise BasicAerError(
            f'circuit "{circuit.name}" was read from a file as a Program, whose gates have other names than those '
            "of a noise model: read it as a QuantumCircuit"
        )
    return attacher.attached(circuit)
