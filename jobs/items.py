"""Circuits, and the points to run them at -> the items of a job, checked: a stream, of which nothing is held."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from jobs.errors import BasicAerError
from jobs.lowering import LoweringError, lower, lower_template
from jobs.parameters import Points, points_of
from simulator import cost, instructions
from simulator.instructions import Array
from simulator.program import Program
from simulator.recognition import with_sweeps
from simulator.rng import experiment_seed
from simulator.shards import GLOBAL_PHASE, Experiment, Options, Sweep

logger = logging.getLogger(__name__)

#: Instructions that have no unitary, by the names Qiskit gives them.
_NOT_UNITARY = {
    instructions.Measure: "measure",
    instructions.Reset: "reset",
    instructions.Initialize: "initialize",
    instructions.Store: "store",
    instructions.IfElse: "if_else",
    instructions.While: "while_loop",
    instructions.For: "for_loop",
    instructions.Switch: "switch_case",
    instructions.Break: "break_loop",
    instructions.Continue: "continue_loop",
}


@dataclass(frozen=True)
class Limits:
    """What the backend accepts now."""

    max_qubits: int
    max_circuits: int | None
    max_result_bytes: int


@dataclass
class Intake:
    """Takes in the circuits of a job, and keeps account of them."""

    options: Options
    #: The job's.
    seed: int
    #: The backend's name, for errors.
    backend: str
    limits: Limits
    #: So far: how many experiments, and an upper estimate of the bytes of their results;
    count: int = 0
    result_bytes: int = 0
    #: each experiment's metadata as an object: what is not JSON stays with this client.
    metadata: list[Any] = field(default_factory=list)
    _state_bytes: int = 0

    def items(self, run_input: Any, binds: Any) -> Iterator[Experiment | Sweep]:
        """Yield the items of the job, in order; raises `BasicAerError` naming circuit, value and limit."""
        return with_sweeps(self._lowered(points_of(_circuits(run_input), binds)), self.seed)

    def _lowered(self, circuits: Iterable[QuantumCircuit | Points]) -> Iterator[Experiment | Sweep]:
        for each in circuits:
            if isinstance(each, QuantumCircuit):
                yield self._experiment(each)
            elif (sweep := self._sweep(each)) is not None:
                yield sweep
            else:
                yield from map(self._experiment, each.bound())

    def _experiment(self, circuit: QuantumCircuit) -> Experiment:
        self._check_circuit(circuit)
        index = self.count
        program = lower(circuit, from_zero=self._from_zero)
        self._take(program, circuit, 1)
        return Experiment(index, experiment_seed(self.seed, index), program)

    def _sweep(self, points: Points) -> Sweep | None:
        """Return the points of one circuit as a sweep; None where its instructions depend on the values."""
        if points.num_points <= 1:
            return None
        self._check_circuit(points.circuit)
        try:
            template, numbers, phases = lower_template(points.circuit, from_zero=self._from_zero)
        except LoweringError:
            return None
        expressions = dict.fromkeys((*numbers.values(), *phases))
        if any(each.parameters - points.columns.keys() for each in expressions):
            # Each by itself says which have no value.
            return None
        known = {expression: points.values_of(expression) for expression in expressions}
        places, columns = list(numbers), [known[expression] for expression in numbers.values()]
        if phases or not places:
            places.append(GLOBAL_PHASE)
            phase = np.full(points.num_points, template.global_phase)
            # As Qiskit notes it of a bound circuit.
            columns.append(np.mod(sum((known[each] for each in phases), phase), 2 * np.pi))
        index = self.count
        self._take(template, points.circuit, points.num_points)
        return Sweep(index, self.seed, template, tuple(places), Array.of(np.array(columns).T))

    @property
    def _from_zero(self) -> bool:
        # With an initial state, qubits that nothing has touched are not |0>.
        return self.options.initial_state is None and self.options.method != "unitary"

    def _take(self, program: Program, circuit: QuantumCircuit, count: int) -> None:
        """Check a circuit that is run ``count`` times, and count it."""
        self.count += count
        self.metadata += [circuit.metadata] * count
        most = self.limits.max_circuits
        if most is not None and self.count > most:
            raise BasicAerError(
                f"the job has {self.count} circuits or more, and may have {most}: submit several jobs, or raise "
                "BASICAER_MAX_CIRCUITS"
            )
        self._check_instructions(program)
        self._check_result(program, count)

    def _check_circuit(self, circuit: QuantumCircuit) -> None:
        """Refuse a width, before anything is done that takes long where it is large."""
        if circuit.num_qubits > self.limits.max_qubits:
            raise BasicAerError(
                f"Number of qubits {circuit.num_qubits} is greater than maximum ({self.limits.max_qubits}) "
                f'for "{self.backend}". The circuit is "{circuit.name}"; the maximum follows the memory of the '
                "workers."
            )
        initial = self.options.initial_state
        if initial is None:
            return
        side, name = 1 << circuit.num_qubits, circuit.name
        if self.options.method == "unitary" and initial.shape != (side, side):
            raise BasicAerError(
                f'initial unitary is incorrect shape: {initial.shape} != {(side, side)}, for circuit "{name}"'
            )
        if self.options.method != "unitary" and initial.shape[0] != side:
            raise BasicAerError(
                f'initial statevector is incorrect length: {initial.shape[0]} != {side}, for circuit "{name}"'
            )

    def _check_instructions(self, program: Program) -> None:
        """Refuse what has no unitary; warn, as BasicAer does, where counts will say nothing."""
        kinds = {type(instruction) for instruction in instructions.walk(program.instructions)}
        name, method = program.header.name, self.options.method
        if method == "unitary":
            for kind, unsupported in _NOT_UNITARY.items():
                if kind in kinds:
                    raise BasicAerError(
                        f'Unsupported "{self.backend}" instruction "{unsupported}" in circuit "{name}".'
                    )
        elif method == "qasm" and program.num_clbits == 0:
            logger.warning('No classical registers in circuit "%s", counts will be empty.', name)
        elif method == "qasm" and not kinds & {instructions.Measure, instructions.Store}:
            logger.warning('No measurements in circuit "%s", classical register will remain all zeros.', name)

    def _check_result(self, program: Program, count: int) -> None:
        """Refuse what no worker would be let store."""
        options, most = self.options, self.limits.max_result_bytes
        self._state_bytes += count * cost.result_bytes(program, options.method, options.precision)
        if self._state_bytes > most:
            raise BasicAerError(
                f'the result has {self._state_bytes} bytes or more, up to circuit "{program.header.name}" '
                f"({program.num_qubits} qubits); the limit is {most}: "
                "submit fewer or narrower circuits, or raise BASICAER_MAX_RESULT_BYTES"
            )
        readout = cost.readout_bytes(program, options.shots, memory=options.memory)
        self.result_bytes += count * (cost.result_bytes(program, options.method, options.precision) + readout)


def _circuits(run_input: Any) -> Iterator[QuantumCircuit]:
    circuits = [run_input] if isinstance(run_input, QuantumCircuit) else run_input
    if isinstance(circuits, (str, bytes)) or not isinstance(circuits, Iterable):
        raise BasicAerError(f"run() takes a QuantumCircuit or several, not {type(run_input).__name__}")
    for index, circuit in enumerate(circuits):
        if not isinstance(circuit, QuantumCircuit):
            raise BasicAerError(
                f"run() takes QuantumCircuits; number {index} is a {type(circuit).__name__}: {circuit!r}"
            )
        yield circuit
