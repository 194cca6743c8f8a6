"""``qasm_simulator`` with the noise, the basis and the coupling map of a device."""

from __future__ import annotations

import copy
from typing import Any

from qiskit.transpiler import Target

from jobs.arguments import shown
from jobs.errors import BasicAerError
from jobs.noise import NoiseSpec
from jobs.simulators import QasmSimulator


class NoisySimulator(QasmSimulator):
    """A `QasmSimulator` for circuits that were transpiled to a device, with its noise.

    Args:
        provider: what it belongs to.
        target: what the device takes; `transpile` goes by it.
        fields: run options that go before the defaults, the ``noise_model`` among them.

    It is recorded, and found again, as ``qasm_simulator``: a job has its errors in its circuits.
    """

    def __init__(self, provider: Any, target: Target, **fields: Any) -> None:
        self._device = target
        super().__init__(provider, **fields)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.NAME!r}) of {self.num_qubits} qubits at {self.connection.address!r}>"

    def __copy__(self) -> NoisySimulator:
        return type(self)(self.provider, self._device, **dict(self.options))

    def __deepcopy__(self, memo: dict[int, Any]) -> NoisySimulator:
        return type(self)(self.provider, self._device, **copy.deepcopy(dict(self.options), memo))

    @property
    def target(self) -> Target:
        """What the device takes."""
        return self._device

    @property
    def num_qubits(self) -> int:
        """How many qubits the device has; how many may be in use at once is `max_qubits`."""
        return int(self._device.num_qubits)

    @property
    def _device_qubits(self) -> int:
        return self.num_qubits


def noisy_simulator(provider: Any, device: Any, noise_model: Any, temperature: float) -> NoisySimulator:
    """Return the simulator of a `BackendV2` or a Target; a ``noise_model`` of None: what it says of its errors."""
    target = device if isinstance(device, Target) else getattr(device, "target", None)
    if not isinstance(target, Target) or not target.num_qubits:
        raise BasicAerError(
            f"a BackendV2 or a Target with a number of qubits is needed, not {shown(device)}; a noise model by "
            "itself is an option: backend.run(circuit, noise_model=...)"
        )
    if noise_model is None:
        made_of = NoiseSpec.from_target if isinstance(device, Target) else NoiseSpec.from_backend
        noise_model = made_of(device, temperature=temperature)
    return NoisySimulator(provider, target, noise_model=noise_model)
