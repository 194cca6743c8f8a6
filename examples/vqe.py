"""The ground state of an Ising chain, found with the estimator, and a bar that shows how far the search is.

Each step is one job: the energy and its whole gradient, by shifted parameters, in one PUB.
"""

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from rich.progress import Progress
from scipy.optimize import OptimizeResult, minimize

from jobs import BasicAerEstimator, BasicAerProvider

SPINS, STEPS = 6, 60

bonds = [("ZZ", [spin, spin + 1], -1.0) for spin in range(SPINS - 1)]
field = [("X", [spin], -1.0) for spin in range(SPINS)]
energy = SparsePauliOp.from_sparse_list([*bonds, *field], SPINS)
ansatz = efficient_su2(SPINS, su2_gates=["ry"], entanglement="linear", reps=3)
estimator = BasicAerEstimator(BasicAerProvider(), options={"job_tags": ["vqe"]})

#: To these a row of parameters is added: it itself, and each parameter a quarter turn on and back.
SHIFTS = np.pi / 2 * np.concatenate([np.zeros((1, ansatz.num_parameters)), *(
    sign * np.eye(ansatz.num_parameters) for sign in (1, -1)
)])  # fmt: skip


def value_and_gradient(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the energy, and half the difference of what the shifts give, which is the gradient."""
    values = estimator.run([(ansatz, energy, parameters + SHIFTS)]).result()[0].data.evs
    ahead, behind = np.split(values[1:], 2)
    return float(values[0]), (ahead - behind) / 2


with Progress() as progress:
    bar = progress.add_task("energy", total=STEPS)

    def show(intermediate_result: OptimizeResult) -> None:
        """Move the bar on by a step."""
        progress.update(bar, advance=1, description=f"energy {intermediate_result.fun:.6f}")

    start = np.random.default_rng(1).normal(scale=0.3, size=ansatz.num_parameters)
    found = minimize(
        value_and_gradient, start, jac=True, method="L-BFGS-B", callback=show, options={"maxiter": STEPS}
    )
    progress.update(bar, completed=STEPS)

exact = np.linalg.eigvalsh(energy.to_matrix())[0]
print(f"energy {found.fun:.3f}; the ground state has {exact:.3f}")
