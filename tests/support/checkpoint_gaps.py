"""How long a run computes between two checkpoints, and circuits of every family that runs do that with."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from support.noise import channel, damping, depolarizing, kraus
from support.programs import everywhere, h, measures, program, random_unitary, random_vector, rotation, ry, x

from simulator import Program, Shard, run_shard
from simulator.caches import clear_caches
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel
from simulator.circuit.expression import Binary, Bits, Bool, Clbit, Constant, Uint, Unary, Var
from simulator.circuit.instructions import (
    Diagonal,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Permutation,
    Readout,
    Reset,
    Store,
    Unitary,
    While,
)
from simulator.circuit.program import Variable
from simulator.kernels import buffers
from simulator.kernels.threads import thread_count
from simulator.monitor import Monitor
from simulator.options import Method, Options
from simulator.shards import wire
from simulator.shards.shard import Experiment, Sweep

#: Of a job of many shots, and of one with a wide register.
Family = Callable[[int], Program]
_WIDE = 1 << 20


class _Gaps:
    """A checkpoint that knows the longest stretch of CPU time without one."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.thread, self.process = time.thread_time(), time.process_time()

    def __call__(self) -> None:
        # Of helpers, too, while this thread waits for them.
        own, all_ = time.thread_time() - self.thread, time.process_time() - self.process
        self.longest = max(self.longest, own, all_ / thread_count())
        self.thread, self.process = time.thread_time(), time.process_time()


def longest_gap(shard: Shard, enough: float, tries: int = 3) -> float:
    """The longest stretch, in seconds, from a shard to its part's bytes: the best of a few tries, or enough.

    Without the garbage collector, whose passes over all that a test process holds are none of the engine's.
    """
    best = np.inf
    for _ in range(tries):
        clear_caches()
        # In place of the last state, whose memory would be used again: new memory is slow.
        buffers.zeros(1 << 16, np.complex128)
        gc.collect()
        gc.disable()
        try:
            look = _Gaps()
            part = run_shard(shard, Monitor(look))
            wire.encode_part(part, look)
            look()
        finally:
            gc.enable()
        assert not list(part.failures())
        del part
        best = min(best, look.longest)
        if best < enough:
            break
    return float(best)


def shard_of(circuit: Program, **options: object) -> Shard:
    """A shard of one experiment."""
    return Shard(Options(**{"output": "counts", "shots": 1024} | options), (Experiment(0, 7, circuit),))


def sweep_of(rows: int, **options: object) -> Shard:
    """A shard of one sweep of four qubits."""
    template = program(4, 4, *everywhere(4), ry(0.0, 0), x(1, 0), *measures(4))
    values = Array.of(np.linspace(0, 3, rows)[:, None])
    return Shard(Options(**{"output": "counts"} | options), (Sweep(0, 1, template, ((4, 0),), values),))


def noisy_sweep_of(rows: int, num_qubits: int, **options: object) -> Shard:
    """A shard of one sweep with noise."""
    template = _noisy(num_qubits, 2, *_ERRORS)
    values = Array.of(np.linspace(0, 3, rows)[:, None])
    return Shard(Options(**{"output": "counts"} | options), (Sweep(0, 1, template, ((0, 0),), values),))


def layers(num_qubits: int, count: int = 4) -> list[Instruction]:
    """Random gates on each qubit, and on random pairs."""
    rng = np.random.default_rng(1)
    gates: list[Instruction] = []
    for _ in range(count):
        gates += [Gate("u", (qubit,), tuple(rng.uniform(0, 6, 3).tolist())) for qubit in range(num_qubits)]
        order = rng.permutation(num_qubits).tolist()
        gates += [x(a, b) for a, b in zip(order[::2], order[1::2], strict=False)]
    return gates


def fourier(num_qubits: int) -> list[Instruction]:
    """The quantum Fourier transform."""
    gates: list[Instruction] = []
    for qubit in reversed(range(num_qubits)):
        gates.append(h(qubit))
        gates += [Gate("p", (less,), (np.pi / 2 ** (qubit - less),), (qubit,)) for less in range(qubit)]
    return [*gates, *(Gate("swap", (qubit, num_qubits - 1 - qubit)) for qubit in range(num_qubits // 2))]


def chain(num_qubits: int) -> list[Instruction]:
    """A Hadamard, and each qubit controlled by the one before."""
    return [h(0), *(x(qubit, qubit - 1) for qubit in range(1, num_qubits))]


def _grover(n: int) -> list[Instruction]:
    flips = [x(qubit) for qubit in range(n)]
    marked = Gate("z", (0,), (), tuple(range(1, n)), 5)
    rest = tuple(range(1, n))
    return [*everywhere(n), marked, *everywhere(n), *flips, Gate("z", (0,), (), rest), *flips, *everywhere(n)]


def _diagonal(n: int) -> list[Instruction]:
    phases = Array.of(np.exp(1j * np.random.default_rng(0).uniform(0, 6, 1 << n - 2)))
    return [*everywhere(n), Diagonal(phases, tuple(range(1, n - 1))), *everywhere(n)]


def _permuted(n: int) -> list[Instruction]:
    sources = tuple(np.random.default_rng(0).permutation(n).tolist())
    return [*everywhere(n), Permutation(tuple(range(n)), sources), *layers(n, 1)]


def _rotations(n: int) -> list[Instruction]:
    rng = np.random.default_rng(0)
    return [*everywhere(n), *(rotation(rng, rng.permutation(n).tolist()) for _ in range(3))]


def _prepared(n: int, k: int) -> list[Instruction]:
    targets = tuple(np.random.default_rng(0).permutation(n)[:k].tolist())
    return [*everywhere(n), Initialize(Array.of(random_vector(0, k)), targets)]


def _resets(n: int) -> list[Instruction]:
    return [*layers(n, 1), Reset(0), *layers(n, 1), Reset(1), *layers(n, 1)]


def _measured(n: int) -> list[Instruction]:
    gates = layers(n, 1)
    for qubit in range(2):
        branch = IfElse(Clbit(qubit), (Gate("rx", (qubit,), (0.3,)), x(qubit + 1)), (ry(0.4, qubit),))
        gates += [Measure(qubit, qubit), branch, *layers(n, 1)]
    return gates


def _dense(n: int) -> list[Instruction]:
    return [*everywhere(n), Unitary(Array.of(random_unitary(0, 8)), tuple(range(0, 16, 2)), (1,))]


#: Of this many qubits, all measured.
EVOLUTIONS: Mapping[str, Callable[[int], list[Instruction]]] = MappingProxyType(
    {
        "ghz": chain,
        "ladder": lambda n: [*chain(n), *chain(n)[:0:-1]],
        "fourier": fourier,
        "random": layers,
        "grover": _grover,
        "diagonal": _diagonal,
        "permutation": _permuted,
        "rotations": _rotations,
        "initialize": lambda n: _prepared(n, n),
        "initialize few": lambda n: _prepared(n, 2),
        "resets": _resets,
        "branches": _measured,
        "dense": _dense,
    }
)


def _read(n: int, num_clbits: int, gates: list[Instruction]) -> Program:
    return program(n, num_clbits, *gates, *(Measure(qubit, num_clbits - 1 - qubit) for qubit in range(n)))


#: For many shots: of few and many outcomes, wide registers, and qubits in and out of control flow.
SHOTS: Mapping[str, Program] = MappingProxyType(
    {
        "one": program(1, 1, h(0), *measures(1)),
        "certain": program(1, 1, x(0), *measures(1)),
        "nothing": program(1, 1, Measure(0, 0)),
        "some": _read(10, 10, layers(10, 2)),
        "many": _read(14, 20, layers(14, 2)),
        "wide": _read(20, 20, layers(20, 2)),
        "wide register": _read(14, 100, layers(14, 2)),
        "branches": program(2, 3, h(0), Measure(0, 0), IfElse(Clbit(0), (ry(0.4, 1),)), h(0), *measures(2)),
        "rounds": program(1, 1, h(0), Measure(0, 0), While(Clbit(0), (h(0), Measure(0, 0)))),
    }
)


def _noisy(n: int, count: int, *channels: Channel) -> Program:
    """Rotations of each qubit and of neighbours, with a channel behind each; all is read wrongly at times."""
    one, two = (next(index for index, each in enumerate(channels) if each.num_qubits == width) for width in (1, 2))
    rng, gates = np.random.default_rng(0), list[Instruction]()
    for _ in range(count):
        for qubit in range(n):
            gates += [Gate("u", (qubit,), tuple(rng.uniform(0, 6, 3).tolist())), Noise(one, (qubit,))]
        for qubit in range(n - 1):
            gates += [Gate("rzz", (qubit, qubit + 1), (0.3,)), Noise(two, (qubit, qubit + 1))]
    reads = (Readout((qubit,), Array.of(np.array([[0.9, 0.1], [0.2, 0.8]]))) for qubit in range(n))
    return program(n, n, *gates, *measures(n), *reads, channels=channels)


_ERRORS = (depolarizing(0.001), depolarizing(0.01, 2))
#: Amplitude damping and a dephasing, in which a state has a say.
_DAMPED, _FLIPPED = np.sqrt(0.98) * damping(0.02), np.sqrt(0.02) * np.diag([1.0, -1.0]) @ damping(0.02)
_RELAXING = (channel(1, (1.0, (kraus(np.concatenate([_DAMPED, _FLIPPED])),))), depolarizing(0.01, 2))
#: Of noise: the method, the shots, and the program.
NOISY: Mapping[str, tuple[Method, int, Program]] = MappingProxyType(
    {
        "few coefficients": ("density_matrix", 10**7, _noisy(4, 2, *_ERRORS)),
        "many coefficients": ("density_matrix", 1000, _noisy(12, 2, *_ERRORS)),
        "long density matrix": ("density_matrix", 1000, _noisy(4, 500, *_ERRORS)),
        "narrow trajectories": ("statevector", 10**6, _noisy(6, 2, *_ERRORS)),
        "trajectories": ("statevector", 2000, _noisy(14, 2, *_ERRORS)),
        "wide trajectories": ("statevector", 3, _noisy(20, 1, *_ERRORS)),
        "long trajectories": ("statevector", 100, _noisy(5, 500, *_ERRORS)),
        "choices": ("statevector", 20_000, _noisy(9, 2, *_RELAXING)),
        "wide choices": ("statevector", 5, _noisy(19, 1, *_RELAXING)),
    }
)


def many_gates(count: int) -> Program:
    """So many gates on five qubits."""
    gates = [h(0), x(1, 0), Gate("rz", (2,), (0.3,)), x(3, 2), Gate("rx", (4,), (0.1,)), x(0, 4)]
    return program(5, 5, *(gates * (count // len(gates))), *measures(5))


def register_written(width: int = _WIDE) -> Program:
    """A register of so many clbits is written, and turned over."""
    register, whole = Bits(tuple(reversed(range(width)))), Uint(width)
    value = Constant(whole, hex((1 << width) // 3))
    return program(
        1, width, Store(register, value), Store(register, Unary("bit_not", whole, register)), *measures(1)
    )


def counting_loop(rounds: int) -> Program:
    """A loop over a classical number only."""
    number, zero, one = Uint(32), Constant(Uint(32), "0x0"), Constant(Uint(32), "0x1")
    again = Binary("less", Bool(), Var(0), Constant(number, hex(rounds)))
    body = (Store(Var(0), Binary("add", number, Var(0), one)),)
    return program(1, 1, Store(Var(0), zero), While(again, body), *measures(1), variables=(Variable("i", number),))
