"""Run options: defaults, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

from jobs.errors import BasicAerError
from jobs.submit.options import DEFAULTS, MAX_SEED, is_done_anyway, resolve
from worker.settings import MOST_SECONDS


@pytest.mark.rule(20)
@pytest.mark.parametrize("output", DEFAULTS)
def test_none_is_the_default(output):
    """An explicit None means the default."""
    nothing = dict.fromkeys(DEFAULTS[output])
    resolved = resolve(output, "b", nothing)
    assert resolved.keys() == resolve(output, "b", {}).keys()
    assert resolved["chop_threshold"] == 1e-15


@pytest.mark.rule(33)
def test_a_seed_is_always_there():
    """No seed means a new one, and the result can report it."""
    seeds = {resolve("counts", "b", {})["seed_simulator"] for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed <= MAX_SEED for seed in seeds)
    assert resolve("counts", "b", {"seed_simulator": 0})["seed_simulator"] == 0


@pytest.mark.rule(23)
@pytest.mark.parametrize("value", [np.int64(5), np.uint8(5), 5])
def test_numpy_integers(value):
    """NumPy's ints are ints, and become Python's."""
    assert type(resolve("counts", "b", {"shots": value})["shots"]) is int


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("shots", -1), ("shots", 2.0), ("shots", "7"), ("shots", True), ("shots", 2**53 + 1),
        ("seed_simulator", -1), ("seed_simulator", MAX_SEED + 1), ("seed_simulator", 0.5),
        ("memory", 1), ("allow_sample_measuring", "no"), ("chop_threshold", "x"), ("chop_threshold", -0.1),
        ("chop_threshold", float("nan")), ("job_timeout", -1), ("job_timeout", float("inf")),
        ("job_timeout", 1e18), ("expires", 1e300), ("expires", MOST_SECONDS + 1),
        ("job_tags", "one"), ("job_tags", [1]), ("precision", "half"),
        ("priority", 10), ("priority", -1), ("priority", "high"), ("priority", 1.0),
    ],
)  # fmt: skip
def test_refused(option, value):
    """A value that cannot be used is refused with the option's name and the value."""
    with pytest.raises(BasicAerError, match=re.escape(f"{option}={value!r}")):
        resolve("counts", "b", {option: value})


@pytest.mark.rule(23)
@pytest.mark.parametrize("option", ["shots", "seed_simulator", "job_timeout", "expires", "priority", "max_shards"])
@pytest.mark.parametrize("value", [10**400, 10**5000, -(10**5000)], ids=["large", "huge", "below all"])
def test_numbers_beyond_all_bounds(option, value):
    """A number that no float holds, or that Python does not write, is refused as any other."""
    with pytest.raises(BasicAerError, match=f"^{option}=(1000|a number of too many digits).* must be"):
        resolve("counts", "b", {option: value})
    assert resolve("counts", "b", {"chop_threshold": 10**400})["chop_threshold"] > 1e308


@pytest.mark.rule(20, 23)
@pytest.mark.parametrize("output", DEFAULTS)
def test_precision(output):
    """Double unless single is asked for; any other value is refused with the choices."""
    assert resolve(output, "b", {})["precision"] == "double"
    assert resolve(output, "b", {"precision": "single"})["precision"] == "single"
    for bad in ("half", 32, np.complex64, ["single"]):
        with pytest.raises(BasicAerError, match=r"precision=.* must be 'double' or 'single'"):
            resolve(output, "b", {"precision": bad})


@pytest.mark.rule(23)
def test_states_are_checked():
    """Initial states have norm 1, initial unitaries are square and unitary."""
    assert resolve("counts", "b", {"initial_statevector": [0, 1j]})["initial_statevector"].dtype == complex
    for output, option, value, message in (
        ("counts", "initial_statevector", [1, 1], "not normalized"),
        ("counts", "initial_statevector", [float("nan"), 0], "not normalized"),
        ("unitary", "initial_unitary", [[1, 0]], "not a square matrix"),
        ("unitary", "initial_unitary", [[1, 1], [0, 1]], "not unitary"),
    ):
        with pytest.raises(BasicAerError, match=message):
            resolve(output, "b", {option: value})


@pytest.mark.rule(20)
def test_what_is_done_anyway():
    """Options of devices pass where they ask for what is done anyway, and are refused elsewhere."""
    from qiskit.result.models import MeasLevel, MeasReturnType

    for name, value in (
        ("meas_level", 2), ("meas_level", MeasLevel.CLASSIFIED), ("meas_level", None), ("meas_return", "single"),
        ("meas_return", MeasReturnType.AVERAGE), ("init_qubits", True), ("rep_delay", 1e-3), ("rep_delay", None),
        ("use_measure_esp", False),
    ):  # fmt: skip
        assert is_done_anyway(name, value)
    assert not is_done_anyway("foo", None)
    for name, value in (
        ("meas_level", 1), ("meas_level", MeasLevel.KERNELED), ("meas_level", "2"), ("meas_return", "sum"),
        ("init_qubits", False), ("init_qubits", 1), ("use_measure_esp", True),
    ):  # fmt: skip
        with pytest.raises(BasicAerError, match=re.escape(f"{name}={value!r} is not simulated: leave it out, or")):
            is_done_anyway(name, value)
