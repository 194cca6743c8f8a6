"""What the instructions `Save` of a program keep: read from states as shots come by, and averaged over shots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Save
from simulator.dynamic.branches import Branch
from simulator.evolve import Statevector, Statevectors
from simulator.kernels.result_amplitudes import to_complex
from simulator.monitor import Checkpoint
from simulator.observables import expectation_values_of_rows
from simulator.piecewise import slices
from simulator.shards.result import SavedValue
from simulator.typing import Amplitudes

#: Amplitudes that are read between two checkpoints.
_PIECE = 1 << 20
#: Products of amplitudes between two checkpoints, and columns of a density matrix at least: a product of matrices.
_PRODUCTS, _COLUMNS = 1 << 28, 16


class RowsSaver:
    """What the rows of a sweep have saved, each as it does alone."""

    def __init__(self, dtype: type[Any], chop_threshold: float, checkpoint: Checkpoint) -> None:
        self._dtype, self._chop_threshold, self._checkpoint = dtype, chop_threshold, checkpoint
        self._found: dict[str, tuple[Save, list[NDArray[Any]]]] = {}

    def add(self, save: Save, rows: Amplitudes, bit_of: Mapping[int, int], phases: NDArray[np.float64]) -> None:
        """Take in some rows, shape (rows, 2^bits), with the global phase of each."""
        values = self._found.setdefault(save.key, (save, []))[1]
        if save.sums:
            values += means(save, rows, bit_of, self._checkpoint)
            return
        for row, phase in zip(rows, phases.tolist(), strict=True):
            saver = Saver(phase, self._dtype, self._chop_threshold, self._checkpoint)
            values.append(saver.value(save, row, bit_of))

    def values(self) -> tuple[SavedValue, ...]:
        """Return what was saved, in arrays whose first axis is of rows."""
        return tuple([saved_value(save, np.stack(values)) for save, values in self._found.values()])


class Saver:
    """What was saved so far: of statevectors the first shot's, of all else the mean over all passes of shots."""

    def __init__(
        self, global_phase: float, dtype: type[Any], chop_threshold: float, checkpoint: Checkpoint
    ) -> None:
        self._phase = np.exp(1j * global_phase) if global_phase else 1
        self._dtype, self._chop_threshold, self._checkpoint = dtype, chop_threshold, checkpoint
        #: Key -> the instruction, how many shots passed it, and the mean; of a statevector, the first shot.
        self._found: dict[str, tuple[Save, int, NDArray[Any]]] = {}

    def of_branch(self, save: Save, branch: Branch[Statevectors]) -> None:
        """Take in all shots of a branch."""
        states = branch.states
        if save.what == "statevector":
            shot, state = _first_shot(branch)
            found = self._found.get(save.key)
            if found is None or shot <= found[1]:
                self._found[save.key] = save, shot, self._statevector(states.rows[state], states.bit_of)
            return
        own = branch.history_of_group >= 0
        of_histories = np.bincount(branch.history_of_group[own], branch.shots.sizes[own], len(branch.histories))
        weights = np.bincount(branch.state_of_history, of_histories, branch.num_states)
        if save.sums:
            values = iter(means(save, states.rows, states.bit_of, self._checkpoint))
        else:
            values = (self.value(save, row, states.bit_of) for row in states.rows)
        for weight, value in zip(weights.astype(np.int64).tolist(), values, strict=True):
            # A state without shots is one that others left.
            if weight:
                self._add(save, weight, value)

    def of_state(self, save: Save, state: Statevector) -> None:
        """Take in the one state of all shots."""
        self._add(save, 1, self.value(save, state.amplitudes, state.bit_of))

    def values(self) -> tuple[SavedValue, ...]:
        """Return what was saved; what no shot passed is not there."""
        return tuple([saved_value(save, value) for save, _, value in self._found.values()])

    def value(self, save: Save, amplitudes: Amplitudes, bit_of: Mapping[int, int]) -> NDArray[Any]:
        """Return what is saved of one state, shape (2^bits,), which stays as it is."""
        if save.what == "statevector":
            return self._statevector(amplitudes, bit_of)
        if save.sums:
            return means(save, amplitudes.reshape(1, -1), bit_of, self._checkpoint).reshape(-1)
        matrix = self._ordered(save.qubits, amplitudes, bit_of).reshape(-1, 1 << len(save.qubits))
        if save.what == "density_matrix":
            return self._density(matrix)
        shares = np.zeros(matrix.shape[1])
        for some in slices(len(matrix), self._checkpoint, max(1, _PIECE // matrix.shape[1])):
            shares += (np.abs(matrix[some]) ** 2).sum(axis=0)
        return shares

    def _density(self, matrix: Amplitudes) -> NDArray[Any]:
        """Return the density matrix of a state whose last axis is of the qubits that are kept."""
        size = matrix.shape[1]
        density = np.empty((size, size), self._dtype)
        for some in slices(size, self._checkpoint, max(_COLUMNS, _PRODUCTS // matrix.size)):
            density[:, some] = matrix.T @ matrix[:, some].conj()
        return density

    def _statevector(self, amplitudes: Amplitudes, bit_of: Mapping[int, int]) -> NDArray[Any]:
        whole = self._ordered(tuple(range(len(bit_of))), amplitudes, bit_of)
        return to_complex(whole, self._dtype, self._phase, self._chop_threshold, self._checkpoint)

    def _ordered(self, qubits: tuple[int, ...], amplitudes: Amplitudes, bit_of: Mapping[int, int]) -> Amplitudes:
        """Return a copy of a state whose index has these qubits as its lowest bits, in their order."""
        others = tuple(sorted(bit_of.keys() - set(qubits)))
        copy = np.empty_like(amplitudes)
        for some in slices(copy.size, self._checkpoint):
            copy[some] = amplitudes[some]
        return Statevector(copy, dict(bit_of), natural_order=(*qubits, *others)).ordered(self._checkpoint)

    def _add(self, save: Save, weight: int, value: NDArray[Any]) -> None:
        _, before, mean = self._found.get(save.key, (save, 0, value))
        total = before + weight
        # Equal values have themselves as their mean, to the last digit.
        self._found[save.key] = save, total, mean + (value - mean) * (weight / total) if before else value


def means(save: Save, rows: Amplitudes, bit_of: Mapping[int, int], checkpoint: Checkpoint) -> NDArray[np.float64]:
    """Return the expectation value in each row's state, or it and the variance: shape (rows, 1) or (rows, 2)."""
    bits = {index: bit_of[qubit] for index, qubit in enumerate(save.qubits)}
    values = expectation_values_of_rows(rows, bits, save.sums, checkpoint)
    if len(save.sums) > 1:
        # Where it is 0, rounding may leave less.
        values[:, 1] = np.maximum(values[:, 1] - values[:, 0] ** 2, 0)
    return values


def saved_value(save: Save, value: NDArray[Any]) -> SavedValue:
    """Return a value as it travels; nobody may change it any more."""
    array = Array.over(value) if value.dtype.kind == "c" else Array.of(value)
    return SavedValue(save.key, save.what, array, save.clbits)


def _first_shot(branch: Branch[Statevectors]) -> tuple[int, int]:
    """Return the number of a branch's first shot, and that of its state."""
    histories = branch.history_of_group.take(branch.shots.groups)
    own = np.flatnonzero(histories >= 0)
    first = own[branch.shots.numbers[own].argmin()]
    return int(branch.shots.numbers[first]), branch.histories[histories[first]].state
