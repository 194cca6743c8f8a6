"""Which channels are of Paulis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import unitary_group

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus, Pauli
from simulator.matrices.channels import operators_of_step
from simulator.stabilizer.noise import PauliChannel, pauli_channel


def weights_of(channel: PauliChannel) -> dict[tuple[int, ...], float]:
    return {
        tuple(letters): weight
        for letters, weight in zip(channel.paulis.tolist(), channel.weights.tolist(), strict=True)
    }


@pytest.mark.parametrize("seed", range(30))
def test_kraus_operators_of_a_pauli_channel_are_known(seed: int) -> None:
    """Any unitary mixture of the operators sqrt(p) P is the same channel, at any places, behind other steps."""
    rng = np.random.default_rng(seed)
    width, places = int(rng.integers(1, 4)), rng.permutation(4)
    places = tuple(places[:width].tolist())
    masks = rng.choice(4**width, int(rng.integers(1, 5)), replace=False).tolist()
    strings = [Pauli(mask % 2**width, mask // 2**width) for mask in masks]
    shares = rng.dirichlet(np.ones(len(strings)))
    operators = (
        np.array([operators_of_step(string, width)[0] for string in strings]) * np.sqrt(shares)[:, None, None]
    )
    mixed = np.tensordot(
        unitary_group.rvs(max(2, len(strings)), random_state=seed)[:, : len(strings)], operators, 1
    )
    kraus = Kraus(places, Array.of(mixed))
    spread = [
        Pauli(*(sum((mask >> i & 1) << place for i, place in enumerate(places)) for mask in (each.x, each.z)))
        for each in strings
    ]
    before = Pauli(*rng.integers(0, 16, 2).tolist())
    found = pauli_channel(Channel(4, (0.25, 0.75), ((before, kraus), (kraus,))))
    expected = pauli_channel(
        Channel(
            4,
            (*(0.25 * shares), *(0.75 * shares)),
            (*((before, each) for each in spread), *((each,) for each in spread)),
        )
    )
    assert found is not None
    assert expected is not None
    assert weights_of(found) == pytest.approx(weights_of(expected), abs=1e-11)
    assert found.probability == pytest.approx(expected.probability)


def test_others_are_not() -> None:
    """Amplitude damping, a turn, and what is nearly a Pauli."""
    damping = np.array([[[1, 0], [0, 0.6]], [[0, 0.8], [0, 0]]])
    turn = np.diag([1, 1j])[None]
    nearly = np.diag([1, -np.exp(1e-5j)])[None]
    for operators in (damping, turn, nearly):
        kraus = Kraus((0,), Array.of(np.asarray(operators, np.complex128)))
        assert pauli_channel(Channel(1, (0.5, 0.5), ((), (kraus,)))) is None
        assert pauli_channel(Channel(1, (1.0, 0.0), ((), (kraus,)))) is not None
