"""A surface code's memory: the logical error rate against the distance, with noise on every gate and measurement.

``python examples/surface_code.py`` runs rounds of measurement and reset on the queue, decodes what was measured on
this side, and draws ``surface_code.png``. It needs stim, which also makes the circuits, pymatching and matplotlib:
``pip install stim pymatching matplotlib``.
"""

import numpy as np
import pymatching
import stim
from matplotlib.figure import Figure
from qiskit import QuantumCircuit

from jobs import BasicAerProvider, NoiseSpec

DISTANCES, RATES, SHOTS = (3, 5, 7), (0.002, 0.004, 0.006, 0.01), 20_000


def stims(distance: int, rate: float) -> stim.Circuit:
    """Return the memory experiment of so many rounds, from which the decoder learns what errors do."""
    return stim.Circuit.generated(
        "surface_code:rotated_memory_z",
        distance=distance,
        rounds=distance,
        after_clifford_depolarization=rate,
        before_measure_flip_probability=rate,
    )


def ours(circuit: stim.Circuit) -> QuantumCircuit:
    """Return the same for Qiskit, without its noise; measurement i writes clbit i."""
    made, records = QuantumCircuit(circuit.num_qubits, circuit.num_measurements), 0
    for each in circuit.flattened():
        qubits = [target.value for target in each.targets_copy()]
        if each.name == "H":
            made.h(qubits)
        elif each.name == "CX":
            made.cx(qubits[::2], qubits[1::2])
        for qubit in qubits if each.name in {"M", "MR", "R"} else ():
            if each.name != "R":
                made.measure(qubit, records)
                records += 1
            if each.name != "M":
                made.reset(qubit)
    return made


def measured(memory: list[str], count: int) -> np.ndarray:
    """Return each shot's clbits, shape (shots, clbits)."""
    size = -(-count // 8)
    rows = b"".join(int(key, 2).to_bytes(size, "little") for key in memory)
    return np.unpackbits(np.frombuffer(rows, np.uint8).reshape(-1, size), axis=1, count=count, bitorder="little")


backend = BasicAerProvider().get_backend("stabilizer_simulator")
circuits = {(distance, rate): stims(distance, rate) for distance in DISTANCES for rate in RATES}
jobs = {}
for (distance, rate), circuit in circuits.items():
    # Stim says how likely an error is; a depolarizing rate also counts the Paulis that do nothing.
    noise = NoiseSpec().depolarizing(rate * 4 / 3, "h").depolarizing(rate * 16 / 15, "cx")
    noise = noise.readout([[1 - rate, rate], [rate, 1 - rate]])
    jobs[distance, rate] = backend.run(
        ours(circuit), noise_model=noise, shots=SHOTS, memory=True, seed_simulator=1
    )

failed = {}
for (distance, rate), job in jobs.items():
    circuit = circuits[distance, rate]
    bits = measured(job.result().get_memory(), circuit.num_measurements).astype(bool)
    events, flips = circuit.compile_m2d_converter().convert(measurements=bits, separate_observables=True)
    errors = circuit.detector_error_model(decompose_errors=True)
    decoder = pymatching.Matching.from_detector_error_model(errors)
    failed[distance, rate] = np.mean(decoder.decode_batch(events) != flips)
    print(f"distance {distance}, error rate {rate}: {failed[distance, rate]:.4f} of the logical qubits are lost")

figure = Figure(figsize=(7, 5))
axes = figure.subplots()
for rate in RATES:
    lost = [failed[distance, rate] or np.nan for distance in DISTANCES]
    axes.semilogy(DISTANCES, lost, "o-", label=f"p = {rate}")
axes.set(xlabel="distance", ylabel=f"logical error rate of as many rounds, {SHOTS} shots", xticks=DISTANCES)
axes.legend()
figure.savefig("surface_code.png", bbox_inches="tight")
print("drawn into surface_code.png")
