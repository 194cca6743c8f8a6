"""The items of a job, made of circuits and of values for their parameters: a stream, of which nothing is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from jobs.errors import BasicAerError
from jobs.lowering import CircuitTemplate, LoweringError, lower, lower_template
from jobs.noise import Attacher, waits_unbound
from jobs.submit.checks import (
    Circuit,
    SubmitContext,
    check_circuit,
    check_input,
    check_observables,
    check_program,
    check_saves,
    check_totals,
    typical_row,
)
from jobs.submit.parameters import ParameterGrid, with_parameters
from simulator import cost
from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.cost import BYTES_PER_REAL, weight
from simulator.errors import InvalidProgramError
from simulator.options import Options
from simulator.rng import experiment_seed
from simulator.shards.shard import GLOBAL_PHASE, Experiment, Sweep
from simulator.shards.sweeps import Copy, with_sweeps


class _Asked(NamedTuple):
    """What is asked of a circuit, beside the options of the job."""

    #: What to take the expectation values of.
    observables: tuple[PauliSum, ...] = ()
    #: How many shots; None: as many as the options say.
    shots: int | None = None


class _ResultBytes(NamedTuple):
    """The bytes of an experiment's result, without its name and metadata."""

    #: What BASICAER_MAX_RESULT_BYTES is about, as far as it is sure before the run.
    sure: int
    #: All bytes, at most.
    most: int


@dataclass
class JobBuilder:
    """Makes the items of one job, and counts them."""

    options: Options
    #: The job's.
    seed: int
    context: SubmitContext
    #: What to take the expectation values of, in each circuit.
    observables: tuple[PauliSum, ...] = ()
    #: What finds the errors of their operations; None: there are none.
    noise: Attacher | None = None
    #: How many circuits there were so far.
    count: int = 0
    #: The first one's name, and the qubits of the widest.
    name: str = ""
    num_qubits: int = 0
    #: The bytes of their results that are sure.
    sure_bytes: int = 0
    #: The bytes of their results at most.
    result_bytes: int = 0
    #: Each circuit's metadata as an object: what is not JSON stays with this client.
    metadata: list[Any] = field(default_factory=list)

    def items(self, run_input: Any, binds: Any) -> Iterator[Experiment | Sweep]:
        """Yield the items of the job, in order; raises `BasicAerError` naming circuit, value and limit."""
        return self.items_of(with_parameters(check_input(run_input), binds))

    def items_of(self, circuits: Iterable[Circuit | ParameterGrid]) -> Iterator[Experiment | Sweep]:
        """Yield the items of a job whose circuits, and points of parameters, are checked."""
        return with_sweeps(self._lowered(circuits), self.seed)

    def _lowered(self, circuits: Iterable[Circuit | ParameterGrid]) -> Iterator[Experiment | Copy | Sweep]:
        template: CircuitTemplate | None = None
        asked_before: _Asked | None = None
        result = _ResultBytes(0, 0)
        for circuit, asked in self._swept(circuits):
            if isinstance(circuit, Sweep):
                template = None
                yield circuit
                continue
            if template is not None and asked == asked_before and (row := template.row(circuit)) is not None:
                self._count(circuit, 1, result, cost.caption_bytes(row.name, row.metadata))
                yield row
                continue
            check_circuit(circuit, self.options, self.context)
            from_file = isinstance(circuit, Program)
            program = self._program(circuit)
            result = self._checked(circuit, program, asked)
            seed = experiment_seed(self.seed, self.count)
            experiment = Experiment(self.count, seed, program, shots=asked.shots, observables=asked.observables)
            self._count(circuit, 1, result, _caption_bytes(program))
            # Copies are rows of a sweep, which has no shots of its own.
            alone = from_file or asked.shots is not None
            labels = self.noise is not None
            template, asked_before = None if alone else CircuitTemplate(circuit, program, labels=labels), asked
            yield experiment
        if self.noise is not None:
            self.noise.warn()

    def _swept(self, circuits: Iterable[Circuit | ParameterGrid]) -> Iterator[tuple[Circuit | Sweep, _Asked]]:
        for circuit in circuits:
            if not isinstance(circuit, ParameterGrid):
                yield circuit, _Asked(self.observables)
                continue
            shots = None if circuit.shots == self.options.shots else circuit.shots
            asked = _Asked(circuit.observables or self.observables, shots)
            if (sweep := self._sweep(circuit, asked)) is not None:
                yield sweep, asked
            else:
                for bound in circuit.bound():
                    yield bound, asked

    def _sweep(self, grid: ParameterGrid, asked: _Asked) -> Sweep | None:
        """Return the points of one circuit as a sweep; None where its instructions depend on the values.

        Nor are points a sweep that have shots of their own, which only a circuit by itself can have.
        """
        if grid.num_points <= 1 or asked.shots is not None:
            return None
        if self.noise is not None and waits_unbound(grid.circuit):
            # What noise a delay has depends on how long it is.
            return None
        check_circuit(grid.circuit, self.options, self.context)
        try:
            template, numbers, phases = lower_template(
                grid.circuit, from_ground=self._from_ground, noise=self.noise
            )
        except LoweringError:
            return None
        expressions = dict.fromkeys((*numbers.values(), *phases))
        if any(each.parameters - grid.columns.keys() for each in expressions):
            # Each by itself says which have no value.
            return None
        known = {expression: grid.values_of(expression) for expression in expressions}
        number_indices, columns = list(numbers), [known[expression] for expression in numbers.values()]
        if phases or not number_indices:
            number_indices.append(GLOBAL_PHASE)
            phase = np.full(grid.num_points, template.global_phase)
            # As Qiskit notes it of a bound circuit.
            columns.append(np.mod(sum((known[each] for each in phases), phase), 2 * np.pi))
        index = self.count
        matrix = np.array(columns).T
        result = self._checked(grid.circuit, typical_row(template, number_indices, matrix, self.options), asked)
        self._count(grid.circuit, grid.num_points, result, _caption_bytes(template))
        values = Array.of(matrix)
        return Sweep(index, self.seed, template, tuple(number_indices), values, observables=asked.observables)

    def _program(self, circuit: Circuit) -> Program:
        """Return the Program of a circuit, with the errors of its operations."""
        if not isinstance(circuit, Program):
            return lower(circuit, from_ground=self._from_ground, noise=self.noise)
        if self.noise is not None:
            raise BasicAerError(
                f'circuit "{circuit.name}" was read from a file as a Program, whose gates have other names than '
                "those of a noise model: read it as a QuantumCircuit"
            )
        return circuit

    @property
    def _from_ground(self) -> bool:
        # With an initial state, qubits that nothing has touched are not |0>.
        return self.options.initial_state is None and self.options.output != "unitary"

    def _checked(self, circuit: Circuit, program: Program, asked: _Asked) -> _ResultBytes:
        """Refuse what cannot be run; return the bytes of the result."""
        options = self.options
        shots = options.shots if asked.shots is None else asked.shots
        try:
            engine = engine_for(program, options)
            check_program(circuit, program, engine, options, self.context)
            check_observables(program, engine, asked.observables, shots, options)
            saves = check_saves(program, engine, options, asked.observables)
        except InvalidProgramError as error:
            raise BasicAerError(str(error)) from error
        state = cost.result_bytes(program, options.output, options.precision)
        remembered = shots if options.memory and program.num_clbits else 0
        beside = cost.saved_bytes(saves, options.precision)
        beside += BYTES_PER_REAL * len(asked.observables)
        sure = weight(program.num_clbits, state=state, remembered=remembered) + beside
        readout = cost.readout_bytes(program, shots if options.counts else 0, memory=options.memory)
        return _ResultBytes(sure, state + beside + readout)

    def _count(self, circuit: Circuit, times: int, result: _ResultBytes, caption: int) -> None:
        """Count a circuit that is run ``times`` times; refuse what is too many or too much."""
        if not self.count:
            self.name = str(circuit.name)
        self.num_qubits = max(self.num_qubits, circuit.num_qubits)
        self.count += times
        self.metadata += [circuit.metadata] * times
        self.sure_bytes += times * result.sure
        self.result_bytes += times * (result.most + caption)
        check_totals(circuit, self.count, self.sure_bytes, self.options, self.context)


def _caption_bytes(program: Program) -> int:
    return cost.caption_bytes(program.header.name, program.header.metadata)
