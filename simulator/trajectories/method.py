"""Trajectories, behind the interface of all methods: counts of noisy programs that measure at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.cost import Work
from simulator.evolve.amplitudes import complex_type
from simulator.kernels.threads import thread_count
from simulator.method import CircuitResult, Engine
from simulator.monitor import Checkpoint, Monitor
from simulator.options import Options
from simulator.sampling import ShotCounts
from simulator.shards.metadata import RunMetadata, SharingMetadata
from simulator.trajectories.circuit import NoisyCircuit, read_circuit, refusal
from simulator.trajectories.estimate import Estimate, estimate
from simulator.trajectories.run import TrajectoryPlan, run

#: Qubits that states may have: a step of a wider one takes longer than there may be no checkpoint.
MAX_QUBITS = 20
#: Seconds of shots that stay together, at least: also so many times as much as any run takes, and so many shots.
_LEAST_SECONDS, _TIMES, _FEWEST = 0.25, 10, 8
#: Bytes of an amplitude, by precision.
_AMPLITUDE_BYTES = {"double": 16, "single": 8}


@dataclass(slots=True)
class _Prepared:
    program: Program
    options: Options
    circuit: NoisyCircuit
    estimate: Estimate = field(init=False)
    sharing: SharingMetadata | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.estimate = estimate(self.program)

    @property
    def metadata(self) -> RunMetadata:
        return RunMetadata("statevector", len(self.circuit.qubits), False, sharing=self.sharing)

    def bytes_required(self, shots: int, checkpoint: Checkpoint) -> int:
        checkpoint()
        return self.estimate.bytes(shots, _AMPLITUDE_BYTES[self.options.precision], thread_count())

    def run(self, *, seed: int, first: int, shots: int, monitor: Monitor) -> CircuitResult:
        options = self.options
        counted = shots if options.counts and self.program.num_clbits else 0
        counts = ShotCounts(counted, memory=options.memory, first=first, checkpoint=monitor.checkpoint)
        if counted:
            initial = None if options.initial_state is None else options.initial_state.ndarray()
            dtype = np.dtype(complex_type(options.precision))
            plan = TrajectoryPlan.of(self.circuit, dtype, monitor.checkpoint)
            self.sharing = run(
                plan,
                seed=seed,
                first=first,
                shots=shots,
                shot_counts=counts,
                monitor=monitor,
                initial_state=initial,
            )
        return CircuitResult(*counts.results())


def _refusal(program: Program, options: Options, checkpoint: Checkpoint) -> str | None:
    if not program.channels:
        return "it has no noise, and so no trajectories"
    if options.output != "counts":
        return f"a {options.output} is asked for, and trajectories give counts only"
    if options.expectations or options.saves:
        return "expectation values or states are asked for, and trajectories give counts only"
    reason = refusal(program, from_ground=options.initial_state is None, checkpoint=checkpoint)
    width = estimate(program, checkpoint=checkpoint).num_qubits
    if reason is None and width > MAX_QUBITS:
        return f"it has {width} qubits, and trajectories may have {MAX_QUBITS}"
    return reason


def _suits(program: Program, options: Options) -> bool:
    return bool(program.channels) and options.output == "counts" and not options.expectations and not options.saves


def _work(program: Program, _: Options, shots: int, __: Sequence[PauliSum], checkpoint: Checkpoint) -> Work:
    fixed, of_shots = estimate(program, checkpoint=checkpoint).seconds(shots)
    # Shards begin anew, and draw the errors of whole blocks: cutting pays where shots take far longer than that.
    least = max(_LEAST_SECONDS, _TIMES * fixed)
    together = max(_FEWEST, 1 << math.ceil(math.log2(max(1.0, least * shots / max(of_shots, 1e-12)))))
    return Work(fixed + of_shots, grows_with_shots=together < shots, together=together)


def _prepare(program: Program, options: Options, _: Sequence[PauliSum], checkpoint: Checkpoint) -> _Prepared:
    circuit = read_circuit(program, from_ground=options.initial_state is None, checkpoint=checkpoint)
    return _Prepared(program, options, circuit)


TRAJECTORIES = Engine(
    "statevector",
    refusal=_refusal,
    suits=_suits,
    width=lambda program, _: estimate(program).num_qubits,
    work=_work,
    saves=lambda *_: (),
    is_exact=lambda *_: False,
    prepare=_prepare,
)
