"""Expectation values beside `Statevector.expectation_value` and Aer's `save_expectation_value`, in turns.

python -m benchmarks.engine.observables: milliseconds, medians, and how many times as long as ours the others
take. All read the same state. Aer cannot begin with a state of ours, so it evolves to it, and what it takes to
evolve alone, in the same rounds, is taken away.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator

from benchmarks.common.machine import cores, give_threads
from benchmarks.common.rounds import Contender, in_turns
from simulator.caches import clear_caches
from simulator.circuit.pauli_sum import PauliSum
from simulator.evolve.statevector import vector
from simulator.observables import expectation_values

_ROUNDS = 15
#: Aer's threads spin for a while after their work.
_PAUSE = 0.02


def main() -> None:
    """Print a line for each case."""
    threads = cores()
    give_threads(threads)
    rng = np.random.default_rng(7)
    print(f"{threads} threads; ours uses 1; cold: the strings are grouped anew")
    for num_qubits in (12, 20):
        _compare("10 random strings", [_strings(rng, num_qubits, 1) for _ in range(10)], threads)
        _compare("10 neighbours' XX, YY, ZZ", _split(_heisenberg(num_qubits))[:10], threads)
    _compare("Hamiltonian, 100 random strings", [_strings(rng, 16, 100)], threads)
    _compare("Hamiltonian, 100 neighbours'", [_heisenberg(16)], threads)


def _strings(rng: np.random.Generator, num_qubits: int, count: int) -> SparsePauliOp:
    labels = ["".join(rng.choice(list("IXYZ"), num_qubits)) for _ in range(count)]
    return SparsePauliOp(labels, rng.normal(size=count))


def _heisenberg(num_qubits: int) -> SparsePauliOp:
    """Return XX, YY and ZZ of neighbours in turn, then fields, then next neighbours: 100 strings at 16 qubits."""
    pairs = [
        (letters, [q, q + step], 1.0) for step in (1, 2) for q in range(num_qubits - step) for letters in _BONDS
    ]
    fields = [(letter, [q], 0.5) for letter in "XZ" for q in range(num_qubits)]
    bonds = len(_BONDS) * (num_qubits - 1)
    return SparsePauliOp.from_sparse_list((pairs[:bonds] + fields + pairs[bonds:])[:100], num_qubits)


_BONDS = ("XX", "YY", "ZZ")


def _split(operator: SparsePauliOp) -> list[SparsePauliOp]:
    return [operator[index] for index in range(len(operator))]


def _pauli_sum(operator: SparsePauliOp) -> PauliSum:
    worth = 1 << np.arange(operator.num_qubits)
    x, z = (tuple((bits @ worth).tolist()) for bits in (operator.paulis.x, operator.paulis.z))
    return PauliSum(x, z, tuple(operator.coeffs.real.tolist()))


def _compare(name: str, operators: list[SparsePauliOp], threads: int) -> None:
    num_qubits = operators[0].num_qubits
    circuit = QuantumCircuit(num_qubits)
    for qubit in range(num_qubits):
        circuit.u(0.3 + qubit, 0.2, 0.1, qubit)
        if qubit:
            circuit.cx(qubit - 1, qubit)
    state = Statevector(circuit)
    own, sums = vector(state.data.copy()), [_pauli_sum(operator) for operator in operators]

    def aer(*saved: SparsePauliOp) -> Callable[[], Any]:
        saving = circuit.copy()
        for index, operator in enumerate(saved):
            saving.save_expectation_value(operator, range(num_qubits), label=str(index))
        saving.save_amplitudes([0])
        simulator = AerSimulator(method="statevector", max_parallel_threads=threads)
        transpiled = transpile(saving, simulator, optimization_level=0)
        return lambda: simulator.run(transpiled).result().data(0)

    contenders = [
        Contender("qiskit", lambda: [state.expectation_value(each).real for each in operators], np.array),
        Contender("evolving", aer(), lambda _: None),
        Contender("Aer", aer(*operators), lambda data: np.array([data[str(i)] for i in range(len(operators))])),
        Contender("cold", lambda: expectation_values(own, sums), np.array, clear_caches),
        Contender("ours", lambda: expectation_values(own, sums), np.array),
    ]
    seconds = in_turns(contenders, check=_agree, rounds=_ROUNDS, warm_up=True, pause=_PAUSE)
    medians = {each: 1e3 * statistics.median(times) for each, times in seconds.items()}
    peers = {"qiskit": medians["qiskit"], "Aer": medians["Aer"] - medians["evolving"]}
    ours = medians["ours"]
    ratios = "  ".join(f"{peer} {time:8.3f} ms ({time / ours:4.1f}x)" for peer, time in peers.items())
    print(f"{name:<32} n={num_qubits:<2}  ours {ours:8.3f} ms, cold {medians['cold']:8.3f}  {ratios}", flush=True)


def _agree(answers: dict[str, Any]) -> None:
    for peer in ("qiskit", "Aer", "cold"):
        np.testing.assert_allclose(answers["ours"], answers[peer], rtol=0, atol=1e-10)


if __name__ == "__main__":
    main()
