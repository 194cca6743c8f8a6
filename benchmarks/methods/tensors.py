"""Matrix product states beside Aer's: in turns, on one thread each, from a Qiskit circuit to counts.

`make bench-mps` runs it; `make bench-mps ARGS='--cases ghz-100'` a part of it. Both cut off the same share of a
bond, and Aer's fusion is off, which makes its tensors wider. Aer refuses some circuits by an estimate of memory.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import CDKMRippleCarryAdder
from qiskit.synthesis import synth_qft_full
from qiskit_aer import AerSimulator

from benchmarks.common import machine
from jobs.lowering import lower
from simulator.monitor import SILENT, no_checkpoint
from simulator.mps import MATRIX_PRODUCT_STATE
from simulator.options import Options

#: The share of a bond that both sides cut off.
_CUTOFF = 1e-10
_BASIS = ["u", "cx", "rzz", "rxx", "ryy", "rx", "ry", "cp", "h", "p"]


def ising(num_qubits: int, steps: int) -> QuantumCircuit:
    """Return steps of a chain of spins in a field."""
    circuit = QuantumCircuit(num_qubits)
    for _ in range(steps):
        for qubit in range(num_qubits - 1):
            circuit.rzz(0.2, qubit, qubit + 1)
        circuit.rx(0.2, range(num_qubits))
    return circuit


def heisenberg(num_qubits: int, steps: int) -> QuantumCircuit:
    """Return steps of a chain of spins that turn about all axes, from every second one up."""
    circuit = QuantumCircuit(num_qubits)
    circuit.x(range(0, num_qubits, 2))
    for _ in range(steps):
        for first in (0, 1):
            for qubit in range(first, num_qubits - 1, 2):
                for gate in (circuit.rxx, circuit.ryy, circuit.rzz):
                    gate(0.4, qubit, qubit + 1)
    return circuit


def brick(num_qubits: int, layers: int) -> QuantumCircuit:
    """Return layers of random rotations, and weak gates between neighbours."""
    rng = np.random.default_rng(1)
    circuit = QuantumCircuit(num_qubits)
    for layer in range(layers):
        for qubit in range(num_qubits):
            circuit.u(*rng.uniform(0, 6, 3), qubit)
        for qubit in range(layer % 2, num_qubits - 1, 2):
            circuit.rzz(0.4, qubit, qubit + 1)
            circuit.rxx(0.4, qubit, qubit + 1)
    return circuit


def ghz(num_qubits: int) -> QuantumCircuit:
    """Return a chain of CX behind an H."""
    circuit = QuantumCircuit(num_qubits)
    circuit.h(0)
    for qubit in range(num_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def qft(num_qubits: int) -> QuantumCircuit:
    """Return the Fourier transform of a random product state."""
    circuit = QuantumCircuit(num_qubits)
    for qubit, angle in enumerate(np.random.default_rng(1).uniform(0, 3, num_qubits)):
        circuit.ry(angle, qubit)
    return circuit.compose(synth_qft_full(num_qubits, do_swaps=False))


def adder(num_bits: int) -> QuantumCircuit:
    """Return a ripple-carry adder of random numbers, one bit of which is both."""
    circuit = QuantumCircuit(2 * num_bits + 2)
    circuit.x(np.flatnonzero(np.random.default_rng(1).integers(0, 2, 2 * num_bits + 1)).tolist())
    circuit.h(1)
    return circuit.compose(CDKMRippleCarryAdder(num_bits))


#: Name -> the circuit, and the largest bond; None: any.
_CASES: dict[str, tuple[Callable[[], QuantumCircuit], int | None]] = {
    "brick-50x8": (partial(brick, 50, 8), 64),
    "ising-50x20": (partial(ising, 50, 20), 64),
    "heisenberg-50x20": (partial(heisenberg, 50, 20), 64),
    "ghz-100": (partial(ghz, 100), None),
    "qft-20": (partial(qft, 20), 32),
    "qft-30": (partial(qft, 30), 32),
    "adder-14": (partial(adder, 14), None),
    "adder-30": (partial(adder, 30), None),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", help=f"names, with commas between them, out of {', '.join(_CASES)}")
    parser.add_argument("--shots", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    machine.give_threads(1)
    print(", ".join(f"{name} {value}" for name, value in machine.description(1).items()), flush=True)
    print("case              bond   ours ms    Aer ms  Aer/ours")
    for name in options.cases.split(",") if options.cases else _CASES:
        make, most = _CASES[name]
        circuit = transpile(make(), basis_gates=_BASIS, optimization_level=0)
        circuit.measure_all()
        print(_line(name, circuit, most, options.shots, options.rounds), flush=True)


def _line(name: str, circuit: QuantumCircuit, most: int | None, shots: int, rounds: int) -> str:
    watch, ours, theirs, bond = machine.Watch(), [], [], 0
    refused = ""
    for _ in range(rounds):
        begin = time.process_time()
        bond = _run(circuit, most, shots)
        ours.append(1e3 * (time.process_time() - begin))
        if not refused:
            begin = time.process_time()
            refused = _run_aer(circuit, most, shots)
            theirs.append(1e3 * (time.process_time() - begin))
    line = f"{name:<16} {bond:>5} {statistics.median(ours):>9.1f} "
    ratio = statistics.median(theirs) / statistics.median(ours)
    line += refused or f"{statistics.median(theirs):>9.1f} {ratio:>9.2f}"
    return f"{line}  {machine.disturbance(watch.others())}".rstrip()


def _run(circuit: QuantumCircuit, most: int | None, shots: int) -> int:
    """Return the largest bond of ours."""
    options = Options("counts", shots, method="matrix_product_state", max_bond=most, cutoff=_CUTOFF)
    prepared = MATRIX_PRODUCT_STATE.prepare(lower(circuit), options, (), no_checkpoint)
    prepared.run(seed=1, first=0, shots=shots, monitor=SILENT)
    truncation = prepared.metadata.truncation
    return 0 if truncation is None else truncation.largest_bond


def _run_aer(circuit: QuantumCircuit, most: int | None, shots: int) -> str:
    """Run Aer's; return why it refuses."""
    simulator = AerSimulator(
        method="matrix_product_state",
        matrix_product_state_truncation_threshold=_CUTOFF,
        matrix_product_state_max_bond_dimension=most,
        max_parallel_threads=1,
        fusion_enable=False,
    )
    result = simulator.run(circuit, shots=shots, seed_simulator=1).result()
    return "" if result.success else f"Aer refuses: {result.results[0].status[:60]}"


if __name__ == "__main__":
    main()
