"""Circuits with one outcome have it after `transpile` too, control flow and variables included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from support.classical_strategies import classical_circuits
from support.differential import oracle
from support.examples import examples

import simulator
from jobs.lowering import lower
from jobs.target import build_target

TARGET = build_target("counts")


@pytest.mark.rule(19)
@examples(60, derandomize=True)
@given(classical_circuits(), st.integers(0, 3))
def test_transpiled_circuits_have_the_same_outcome(circuit: QuantumCircuit, level: int) -> None:
    """At every level, what the transpiler makes for our target does what the circuit says."""
    transpiled = transpile(circuit, target=TARGET, optimization_level=level, seed_transpiler=1)
    (key,) = simulator.run(lower(transpiled), shots=1, seed=1).counts
    clbits = oracle.run(circuit).clbits
    assert int(key, 16) == sum(bit << index for index, bit in enumerate(clbits))
