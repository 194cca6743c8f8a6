"""The option ``noise_model``: circuits with the errors that their operations have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from jobs.errors import BasicAerError
from jobs.noise import Attacher, waits_unbound
from jobs.submit.checks import Circuit
from jobs.submit.parameters import ParameterGrid
from simulator.circuit.program import Program


def with_noise(
    circuits: Iterable[Circuit | ParameterGrid], attacher: Attacher | None
) -> Iterator[Circuit | ParameterGrid]:
    """Yield what is to be run with its errors, and warn at the end; None: as it is."""
    if attacher is None:
        yield from circuits
        return
    for circuit in circuits:
        if isinstance(circuit, Program):
            raise BasicAerError(
                f'circuit "{circuit.name}" was read from a file as a Program, whose gates have other names than '
                "those of a noise model: read it as a QuantumCircuit"
            )
        if not isinstance(circuit, ParameterGrid):
            yield attacher.attached(circuit)
        elif waits_unbound(circuit.circuit):
            # What a delay does depends on how long it is.
            for bound in circuit.bound():
                yield replace(circuit, circuit=attacher.attached(bound), num_points=1, columns={})
        else:
            yield replace(circuit, circuit=attacher.attached(circuit.circuit))
    attacher.warn()
