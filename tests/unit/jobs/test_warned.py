"""Warnings name the line of who called, whatever is between."""

from __future__ import annotations

import warnings
from pathlib import Path

from qiskit import QuantumCircuit

from jobs import lower
from jobs.noise import Attacher, NoiseSpec
from jobs.warned import warn_user


def test_the_line_of_the_caller() -> None:
    """Also where it is found deep in this package."""
    circuit = QuantumCircuit(1)
    circuit.x(0)
    attacher = Attacher(NoiseSpec().depolarizing(0.1, "ecr"))
    lower(circuit, noise=attacher)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        warn_user("by itself")
        attacher.warn()
    assert [Path(each.filename) for each in said] == [Path(__file__)] * 2
    assert said[0].lineno != said[1].lineno
