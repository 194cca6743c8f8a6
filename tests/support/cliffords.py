"""Random Clifford gates."""

from __future__ import annotations

import numpy as np

from simulator.circuit.instructions import Gate, Instruction, Permutation

ONES = ("h", "s", "sdg", "x", "y", "z", "sx", "sxdg")
ANGLED = ("rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "rzx")
PAIRS = ("swap", "iswap", "dcx", "ecr")


def random_gates(num_qubits: int, count: int, rng: np.random.Generator) -> list[Instruction]:
    """Clifford gates of all kinds."""
    found: list[Instruction] = []
    for _ in range(count):
        one, other = map(int, rng.permutation(num_qubits)[:2])
        angle = float(rng.integers(-4, 9)) * np.pi / 2
        match rng.integers(6):
            case 0 | 1:
                found.append(Gate(str(rng.choice(ONES)), (one,)))
            case 2:
                name = str(rng.choice(ANGLED))
                found.append(Gate(name, (one,) if len(name) <= 2 else (one, other), (angle,)))
            case 3:
                found.append(Gate(str(rng.choice(("x", "y", "z"))), (one,), (), (other,), int(rng.integers(2))))
            case 4:
                found.append(Gate(str(rng.choice(PAIRS)), (one, other)))
            case _:
                three = tuple(map(int, rng.permutation(num_qubits)[:3]))
                letters = "".join(rng.choice(list("xyz"), len(three)))
                found.append(
                    Gate(f"r{letters}", three, (angle,))
                    if len(three) > 2
                    else Permutation((one, other), (other, one))
                )
    return found
