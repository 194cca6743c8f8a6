"""What the page of methods says of options is what `run()` does."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from support.in_process import context_of, outcomes
from support.pages import DOCS

from jobs.errors import BasicAerError
from jobs.noise import NoiseSpec
from jobs.submit import prepare

#: The options as the table writes them -> as they are given.
GIVEN: dict[str, dict[str, Any]] = {
    "observables=[...]": {"observables": ["ZZ"]},
    "statevector=True": {"statevector": True},
    "probabilities=True": {"probabilities": True},
    "density_matrix=True": {"density_matrix": True},
    "initial_statevector=...": {"initial_statevector": np.eye(4)[0]},
    "allow_sample_measuring=False": {"allow_sample_measuring": False},
    "max_bond=...": {"max_bond": 8},
    "cutoff=...": {"cutoff": 1e-6},
}
NOISE = {"noise_model": NoiseSpec().depolarizing(0.1, "cx")}


def ghz(num_qubits):
    circuit = QuantumCircuit(num_qubits, num_qubits)
    circuit.h(0)
    for qubit in range(num_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


def cells():
    """Each option, with noise or without, each method, and what the table says of the two."""
    lines = (DOCS / "methods.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    (head,) = [row for row in rows if row[0] == "option"]
    methods = [cell.strip("`") for cell in head[1:]]
    for row in rows[rows.index(head) + 1 :]:
        if len(row) != len(head):
            return
        option, noisy = re.fullmatch(r"`(.*?)`( with noise)?", row[0]).groups()
        for method, said in zip(methods, row[1:], strict=True):
            yield option, bool(noisy), method, said


def test_the_table_has_every_option():
    """All that this module gives, for each of five methods."""
    found = list(cells())
    assert {option for option, *_ in found} == set(GIVEN)
    assert len(found) == 5 * (len(GIVEN) + 2)


@pytest.mark.parametrize(("option", "noisy", "method", "said"), list(cells()))
def test_an_option_is_taken_or_refused_as_the_page_says(option, noisy, method, said):
    """A pair is run, or refused; and of what has a limit, one qubit more is refused."""
    options = {**GIVEN[option], **(NOISE if noisy else {}), "method": method, "shots": 10}
    if said == "no":
        with pytest.raises(BasicAerError):
            outcomes(ghz(2), **options)
        return
    (outcome,) = outcomes(ghz(2), **options)
    assert outcome.failure is None
    if (limit := re.fullmatch(r"to (\d+) qubits", said)) and option != "initial_statevector=...":
        wide = ghz(int(limit[1]) + 1)
        context = context_of(max_qubits=100, max_result_bytes=1 << 60)
        with pytest.raises(BasicAerError, match=f"{limit[1]}"):
            prepare(wide, options, context, job_id=None, store=None)
