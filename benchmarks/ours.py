"""The engine as a contender: always from the Qiskit circuit, lowering included, in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from benchmarks.agreement import places
from benchmarks.floor import Work
from benchmarks.rounds import Contender
from jobs import lower
from simulator import engine, fusion
from simulator.shards import Precision
from simulator.state import State

_SEED = 1


def state(circuit: QuantumCircuit, precision: Precision = "double") -> Contender:
    """Evolve to the state, its qubits wherever the engine left them, as Aer leaves its state inside."""
    return Contender("ours", lambda: _final(circuit, precision), _amplitudes)


def cold_state(circuit: QuantumCircuit, precision: Precision = "double") -> Contender:
    """Do as `state` does for a circuit of which no plan is kept."""
    return Contender(
        "cold",
        lambda: _final(circuit, precision),
        _amplitudes,
        prepare=fusion.forget_plans,
    )


def full(circuit: QuantumCircuit, precision: Precision = "double") -> Contender:
    """Evolve to the state, and return it with its qubits in order."""
    return Contender(
        "ours",
        lambda: engine.run(lower(circuit), seed=_SEED, method="statevector", precision=precision),
        lambda result: result.state,
    )


def counts(circuit: QuantumCircuit, shots: int) -> Contender:
    """Run to the dict of hex keys."""
    return Contender(
        "ours",
        lambda: engine.run(lower(circuit), seed=_SEED, method="qasm", shots=shots),
        lambda result: result.counts,
    )


def ordered(circuit: QuantumCircuit, precision: Precision) -> NDArray[Any]:
    """Return what `state` is timed by, put in order here, by other means than the engine's own."""
    final = _final(circuit, precision)
    top = circuit.num_qubits - 1
    axes = [top - final.slots[qubit] for qubit in reversed(range(circuit.num_qubits))]
    return np.ascontiguousarray(final.amplitudes.reshape((2,) * len(axes)).transpose(axes)).reshape(-1)


def work(circuit: QuantumCircuit, precision: Precision = "double") -> Work | None:
    """Return what the engine's plan of the circuit does to each amplitude; None while it does not say."""
    return Work(**engine.work(lower(circuit), precision=precision)) if hasattr(engine, "work") else None


def forgets_plans() -> bool:
    """Return whether the engine keeps plans, so that cold and warm differ."""
    return hasattr(fusion, "forget_plans")


def missing() -> list[str]:
    """Return what the engine does not offer yet; the figures are then of a stand-in, or left out."""
    parts = {"engine.final_state": engine, "fusion.forget_plans": fusion, "engine.work": engine}
    return [name for name, module in parts.items() if not hasattr(module, name.partition(".")[2])]


def _amplitudes(final: State) -> list[complex]:
    """Return those that are compared, each from where its qubits lie."""
    moved = [
        sum((place >> qubit & 1) << bit for qubit, bit in final.slots.items())
        for place in places(len(final.slots))
    ]
    return [complex(final.amplitudes[place]) for place in moved]


def _final(circuit: QuantumCircuit, precision: Precision) -> State:
    program = lower(circuit)
    if hasattr(engine, "final_state"):
        final: State = engine.final_state(program, precision=precision)
        return final
    result = engine.run(program, seed=_SEED, method="statevector", precision=precision)
    return State(np.asarray(result.state), {qubit: qubit for qubit in range(program.num_qubits)})
