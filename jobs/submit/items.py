"""Circuits, and the points to run them at -> the items of a job, checked: a stream, of which nothing is held."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from qiskit import QuantumCircuit

from jobs.errors import BasicAerError
from jobs.lowering import LoweringError, Original, lower, lower_template
from jobs.submit.parameters import Points, points_of
from simulator import cost
from simulator.circuit import instructions
from simulator.circuit.array import Array
from simulator.circuit.contents import walk
from simulator.circuit.program import Program
from simulator.dynamic.timeline import Timeline
from simulator.rng import experiment_seed
from simulator.shards.recognition import Copy, with_sweeps
from simulator.shards.shards import GLOBAL_PHASE, Experiment, Options, Sweep
from simulator.sizes import size
from simulator.weight import weight

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


#: A Program is a file's, which was lowered where it was read: it prepares no states, so it fits every method.
Circuit: TypeAlias = QuantumCircuit | Program


@dataclass(frozen=True)
class Limits:
    """What the backend accepts now."""

    max_qubits: int
    max_circuits: int | None
    max_result_bytes: int


class _Weight(NamedTuple):
    """The bytes of an experiment's result, without its name and metadata."""

    #: What BASICAER_MAX_RESULT_BYTES is about, as far as it is sure before the run,
    sure: int
    #: and all, at most.
    most: int


@dataclass
class Intake:
    """Takes in the circuits of a job, and keeps account of them."""

    options: Options
    #: The job's.
    seed: int
    #: The backend's name, for errors.
    backend: str
    limits: Limits
    #: So far: how many experiments, the sure bytes of their results, and an upper estimate of all;
    count: int = 0
    sure_bytes: int = 0
    result_bytes: int = 0
    #: each experiment's metadata as an object: what is not JSON stays with this client.
    metadata: list[Any] = field(default_factory=list)

    def items(self, run_input: Any, binds: Any) -> Iterator[Experiment | Sweep]:
        """Yield the items of the job, in order; raises `BasicAerError` naming circuit, value and limit."""
        return with_sweeps(self._lowered(points_of(_circuits(run_input), binds)), self.seed)

    def _lowered(self, circuits: Iterable[Circuit | Points]) -> Iterator[Experiment | Copy | Sweep]:
        original: tuple[Original, _Weight] | None = None
        for each in self._with_values(circuits):
            if isinstance(each, Sweep):
                original = None
                yield each
            elif isinstance(each, Program):
                original = None
                yield self._experiment(each)[0]
            elif original is not None and (copy := original[0].copy(each)) is not None:
                self._take(each, 1, original[1], cost.caption_bytes(copy.name, copy.metadata))
                yield copy
            else:
                experiment, bytes_of = self._experiment(each)
                original = Original(each, experiment.program), bytes_of
                yield experiment

    def _with_values(self, circuits: Iterable[Circuit | Points]) -> Iterator[Circuit | Sweep]:
        for each in circuits:
            if isinstance(each, (QuantumCircuit, Program)):
                yield each
            elif (sweep := self._sweep(each)) is not None:
                yield sweep
            else:
                yield from each.bound()

    def _experiment(self, circuit: Circuit) -> tuple[Experiment, _Weight]:
        self._check_circuit(circuit)
        index = self.count
        program = circuit if isinstance(circuit, Program) else lower(circuit, from_zero=self._from_zero)
        bytes_of = self._checked(circuit, program)
        self._take(circuit, 1, bytes_of, _caption_bytes(program))
        return Experiment(index, experiment_seed(self.seed, index), program), bytes_of

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
        bytes_of = self._checked(points.circuit, template)
        self._take(points.circuit, points.num_points, bytes_of, _caption_bytes(template))
        return Sweep(index, self.seed, template, tuple(places), Array.of(np.array(columns).T))

    @property
    def _from_zero(self) -> bool:
        # With an initial state, qubits that nothing has touched are not |0>.
        return self.options.initial_state is None and self.options.method != "unitary"

    def _checked(self, circuit: Circuit, program: Program) -> _Weight:
        """Refuse instructions that the method has not, and too many qubits; return what the result weighs."""
        self._check_instructions(program)
        if circuit.num_qubits > self.limits.max_qubits:
            self._check_width(circuit, Timeline.under(program, self.options).width)
        options = self.options
        state = cost.result_bytes(program, options.method, options.precision)
        remembered = options.shots if options.memory and program.num_clbits else 0
        sure = weight(program.num_clbits, state=state, remembered=remembered)
        return _Weight(sure, state + cost.readout_bytes(program, options.shots, memory=options.memory))

    def _take(self, circuit: Circuit, count: int, bytes_of: _Weight, caption: int) -> None:
        """Count a circuit that is run ``count`` times; refuse what is too many, or what no worker may store."""
        self.count += count
        self.metadata += [circuit.metadata] * count
        self.sure_bytes += count * bytes_of.sure
        self.result_bytes += count * (bytes_of.most + caption)
        limits = self.limits
        if limits.max_circuits is not None and self.count > limits.max_circuits:
            raise BasicAerError(
                f"the job has {self.count} circuits or more, and may have {limits.max_circuits}: submit several "
                "jobs, or raise BASICAER_MAX_CIRCUITS"
            )
        if self.sure_bytes > limits.max_result_bytes:
            memory = ", take fewer shots or no memory" if self.options.memory else ""
            raise BasicAerError(
                f'the result has {size(self.sure_bytes, up=True)} or more, up to circuit "{circuit.name}" '
                f"({circuit.num_qubits} qubits); the limit is {size(limits.max_result_bytes)}: "
                f"submit fewer or narrower circuits{memory}, or raise BASICAER_MAX_RESULT_BYTES"
            )

    def _check_width(self, circuit: Circuit, num_qubits: int) -> None:
        """Refuse too many qubits."""
        limit, whole = self.limits.max_qubits, circuit.num_qubits
        if num_qubits > limit:
            used = f", which has {whole} and uses {num_qubits} at once" if num_qubits < whole else ""
            raise BasicAerError(
                f'Number of qubits {num_qubits} is greater than maximum ({limit}) for "{self.backend}". '
                f'The circuit is "{circuit.name}"{used}; the maximum follows the memory of the workers, '
                "and is BASICAER_MAX_QUBITS while none is up."
            )

    def _check_circuit(self, circuit: Circuit) -> None:
        """Refuse what can be told of a circuit before it is lowered."""
        if self.options.method != "qasm" or not self._from_zero:
            # Before anything is done that takes long where it is large.
            self._check_width(circuit, circuit.num_qubits)
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
        kinds = {type(instruction) for instruction in walk(program.instructions)}
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


def _caption_bytes(program: Program) -> int:
    return cost.caption_bytes(program.header.name, program.header.metadata)


def _circuits(run_input: Any) -> Iterator[Circuit]:
    circuits = [run_input] if isinstance(run_input, (QuantumCircuit, Program)) else run_input
    if isinstance(circuits, (str, bytes)) or not isinstance(circuits, Iterable):
        raise BasicAerError(f"run() takes a QuantumCircuit or several, not {type(run_input).__name__}")
    for index, circuit in enumerate(circuits):
        if not isinstance(circuit, (QuantumCircuit, Program)):
            raise BasicAerError(
                f"run() takes QuantumCircuits; number {index} is a {type(circuit).__name__}: {circuit!r}"
            )
        try:
            str(circuit.name).encode()
        except UnicodeEncodeError as error:
            raise BasicAerError(f"the name of circuit number {index} is no text: {circuit.name!r}") from error
        yield circuit
