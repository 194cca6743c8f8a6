"""The engine as a contender: always from the Qiskit circuit, lowering included, in this process."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from benchmarks.common.agreement import basis_states
from benchmarks.common.rounds import Contender
from benchmarks.engine.floor import Work
from jobs import lower
from simulator.caches import clear_caches
from simulator.dynamic.timeline import unitary_instructions
from simulator.evolve import Evolution, Statevector, amplitudes, statevector
from simulator.monitor import SILENT
from simulator.options import Precision
from simulator.plan import Multiply, Stage
from simulator.statevector import run

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
        prepare=clear_caches,
    )


def full(circuit: QuantumCircuit, precision: Precision = "double") -> Contender:
    """Evolve to the state, and return it with its qubits in order."""
    return Contender(
        "ours",
        lambda: run(lower(circuit), seed=_SEED, output="statevector", precision=precision),
        lambda result: result.state,
    )


def counts(circuit: QuantumCircuit, shots: int) -> Contender:
    """Run to the dict of hex keys."""
    return Contender(
        "ours",
        lambda: run(lower(circuit), seed=_SEED, output="counts", shots=shots),
        lambda result: result.counts,
    )


def cold_counts(circuit: QuantumCircuit, shots: int) -> Contender:
    """Do as `counts` does for a circuit of which no plan is kept."""
    return Contender("cold", counts(circuit, shots).run, lambda result: result.counts, prepare=clear_caches)


def ordered(circuit: QuantumCircuit, precision: Precision) -> NDArray[Any]:
    """Return what `state` is timed by, put in order here, by other means than the engine's own."""
    final = _final(circuit, precision)
    top = circuit.num_qubits - 1
    axes = [top - final.bit_of[qubit] for qubit in reversed(range(circuit.num_qubits))]
    return np.ascontiguousarray(final.amplitudes.reshape((2,) * len(axes)).transpose(axes)).reshape(-1)


def work(circuit: QuantumCircuit, precision: Precision = "double") -> Work:
    """Return what the engine's plan of the circuit does to each amplitude."""
    evolution = Evolution(unitary_instructions(lower(circuit)))
    plans = evolution.plans(tuple(range(circuit.num_qubits)), real=evolution.real)
    size = (8 if evolution.real else 16) / (2 if precision == "single" else 1)
    flops = in_memory = in_cache = 0.0
    for part in chain.from_iterable(plan.parts for plan in plans):
        in_memory += 2 * size
        for step in part.steps if isinstance(part, Stage) else ():
            in_cache += 2 * size
            if isinstance(step, Multiply):
                flops += (2 if evolution.real else 8) * 2.0 ** len(step.targets)
                in_cache += 2 * size if step.sources else 0
    return Work(flops, in_memory, in_cache)


def _amplitudes(final: Statevector) -> list[complex]:
    """Return those that are compared, each from where its qubits lie."""
    moved = [
        sum((index >> qubit & 1) << bit for qubit, bit in final.bit_of.items())
        for index in basis_states(len(final.bit_of))
    ]
    return [complex(final.amplitudes[index]) for index in moved]


def _final(circuit: QuantumCircuit, precision: Precision) -> Statevector:
    program = lower(circuit)
    evolution = Evolution(unitary_instructions(program))
    found = statevector.ground(program.num_qubits, amplitudes.amplitude_type(precision, real=evolution.real))
    evolution.run(found, SILENT)
    return found
