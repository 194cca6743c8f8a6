"""Stabilizers beside stim and Aer: in turns, on one thread each, with ratios of the shortest runs.

`make bench-methods` runs it; `make bench-methods ARGS='--cases ghz-100 --shots 1024'` a part of it. Ours begins
with the Program that a worker is given, and stim with its circuit; both end with packed samples. Beside Aer, which
counts, ours counts, too, and begins with the Qiskit circuit. Aer runs in a process of its own, which is given up
after a while; the shots of the memory experiments are scaled for it, from fewer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import stim

from benchmarks.common import machine
from benchmarks.common.stim_circuits import memory_circuit, program_of, qiskit_of, random_circuit
from jobs.lowering import lower
from simulator.circuit.program import Program
from simulator.monitor import SILENT, no_checkpoint
from simulator.options import Options
from simulator.stabilizer import STABILIZER
from simulator.stabilizer.layering.compiler import compile_program
from simulator.stabilizer.run import run_shots

#: Name -> the circuit, and whether it measures at its end only.
_CASES: dict[str, tuple[str, Callable[[], stim.Circuit]]] = {
    "random-20x20": ("ends", lambda: random_circuit(20, 20, 1)),
    "random-100x100": ("ends", lambda: random_circuit(100, 100, 1)),
    "random-1000x100": ("ends", lambda: random_circuit(1000, 100, 1)),
    "random-5000x100": ("ends", lambda: random_circuit(5000, 100, 1)),
    "ghz-100": ("ends", lambda: ghz(100)),
    "ghz-1000": ("ends", lambda: ghz(1000)),
    **{
        f"surface-{distance}": (
            "memory",
            partial(memory_circuit, "surface_code:rotated_memory_z", distance, 0.001),
        )
        for distance in (3, 5, 7, 9, 11, 13, 15)
    },
    **{
        f"repetition-{distance}": (
            "memory",
            partial(memory_circuit, "repetition_code:memory", distance, 0.001),
        )
        for distance in (3, 7, 15)
    },
}
_SHOTS = (1024, 100_000)
#: Shots that Aer is given of a memory experiment, which it runs one by one, and seconds that it is given.
_AER_SHOTS, _AER_SECONDS = 200, 90.0
#: Instructions of the largest circuit that Aer is given.
_AER_MOST = 300_000


def ghz(num_qubits: int) -> stim.Circuit:
    """Return a chain of CX behind an H."""
    circuit = stim.Circuit()
    circuit.append("H", [0])
    for qubit in range(num_qubits - 1):
        circuit.append("CX", [qubit, qubit + 1])
    circuit.append("M", range(num_qubits))
    return circuit


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("ends", "memory"), help="circuits that measure at their end or before")
    parser.add_argument("--cases", help=f"names, with commas between them, out of {', '.join(_CASES)}")
    parser.add_argument("--shots", type=int, nargs="+", default=_SHOTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-aer", action="store_true", help="only beside stim")
    options = parser.parse_args()
    machine.give_threads(1)
    described = machine.description(1)
    print(", ".join(f"{name} {value}" for name, value in described.items()), flush=True)
    print("case               shots   ours ms   stim ms ours/stim counts ms  Aer/ours")
    wanted = set(options.cases.split(",")) if options.cases else set(_CASES)
    for name, (kind, make) in _CASES.items():
        if name in wanted and options.only in {None, kind}:
            circuit = make()
            for shots in options.shots:
                aer = not options.no_aer
                print(_line(name, kind, circuit, shots, options.rounds, aer=aer), flush=True)


def _line(name: str, kind: str, circuit: stim.Circuit, shots: int, rounds: int, *, aer: bool) -> str:
    program, watch = program_of(circuit), machine.Watch()
    ours, stims = [], []
    for _ in range(rounds):
        ours.append(_seconds(lambda: _samples(program, shots)))
        stims.append(_seconds(lambda: circuit.compile_sampler(seed=1).sample_bit_packed(shots)))
    line = f"{name:<16} {shots:>7} {1e3 * min(ours):>9.1f} {1e3 * min(stims):>9.1f} {min(ours) / min(stims):>9.2f}"
    if aer and len(program.instructions) <= _AER_MOST:
        own = qiskit_of(circuit)
        counting = min(_seconds(lambda: _counts(lower(own), program, shots)) for _ in range(rounds))
        theirs = _aer(own, shots if kind == "ends" else min(shots, _AER_SHOTS))
        said = f"> {_AER_SECONDS / counting:.0f}" if theirs is None else ""
        if theirs is not None:
            scale = 1 if kind == "ends" else shots / min(shots, _AER_SHOTS)
            said = f"{theirs * scale / counting:.1f}"
        line += f" {1e3 * counting:>9.1f} {said:>9}"
    return f"{line}  {machine.disturbance(watch.others())}".rstrip()


def _seconds(run: Callable[[], object]) -> float:
    """Return the seconds of one thread that a call takes, so that other processes matter less."""
    begin = time.thread_time()
    run()
    return time.thread_time() - begin


def _samples(program: Program, shots: int) -> list[Any]:
    compiled = compile_program(program, no_checkpoint)
    return list(run_shots(compiled, seed=1, shots=shots))


def _counts(lowered: Program, noisy: Program, shots: int) -> dict[str, int] | None:
    """Run what was lowered, or the same circuit with its noise, to the dict of counts that a client has."""
    program = noisy if noisy.channels else lowered
    prepared = STABILIZER.prepare(program, Options("counts", shots), (), no_checkpoint)
    result = prepared.run(seed=1, first=0, shots=shots, monitor=SILENT)
    return result.counts if result.packed is None else result.packed.key_counts()


def _aer(circuit: Any, shots: int) -> float | None:
    """Return the seconds that Aer takes; None: too many."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_run_aer, args=(theirs, circuit, shots))
    process.start()
    found: float | None = ours.recv() if ours.poll(_AER_SECONDS) else None
    if found is None:
        process.kill()
    process.join()
    return found


def _run_aer(line: Connection, circuit: Any, shots: int) -> None:
    from qiskit_aer import AerSimulator

    simulator = AerSimulator(method="stabilizer", max_parallel_threads=1)
    begin = time.process_time()
    simulator.run(circuit, shots=shots, seed_simulator=1).result().get_counts()
    line.send(time.process_time() - begin)


if __name__ == "__main__":
    main()
