"""A dynamic circuit: three coins make a die, and are thrown again for as long as they show 6 or 7.

The circuit measures, looks at the outcome and goes on, all on the worker: 6,000 shots are one task.
"""

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr

from jobs import BasicAerProvider

coins, die = QuantumRegister(3, "coins"), ClassicalRegister(3, "die")
circuit = QuantumCircuit(coins, die, name="die")
circuit.h(coins)
circuit.measure(coins, die)
with circuit.while_loop(expr.greater_equal(die, 6)):
    circuit.reset(coins)
    circuit.h(coins)
    circuit.measure(coins, die)

backend = BasicAerProvider().get_backend("qasm_simulator")
counts = backend.run(circuit, shots=6000, seed_simulator=7).result().get_counts()
print({int(face, 2) + 1: counts[face] for face in sorted(counts)})
