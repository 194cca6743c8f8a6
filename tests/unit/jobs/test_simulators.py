"""Backends by their names, and the options that tell one from another: no queue."""

from __future__ import annotations

import re

import pytest

from jobs import BasicAerError, BasicAerProvider

#: Backend -> what its options are, where the backends of its output have another default.
_OWN = {
    "stabilizer_simulator": {"method": "'stabilizer'"},
    "mps_simulator": {"method": "'matrix_product_state'"},
    "density_matrix_simulator": {"method": "'density_matrix'", "density_matrix": "True"},
}


@pytest.fixture
def provider():
    # Nothing of this needs a Redis.
    return BasicAerProvider("redis://127.0.0.1:1/0")


def told(backend):
    """The options in a backend's table, as text."""
    rows = re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", backend._repr_html_().replace("&#x27;", "'"))
    return {name: value for name, value in rows if name not in {"does", "at", "qubits"}}


@pytest.mark.parametrize("name", _OWN)
def test_a_table_tells_what_a_backend_is_another_name_for(provider, name):
    """Its own defaults are in its table, and so is what was changed."""
    backend = provider.get_backend(name)
    assert told(backend) == _OWN[name]
    backend.set_options(shots=77)
    assert told(backend) == _OWN[name] | {"shots": "77"}
    assert told(provider.get_backend("qasm_simulator")) == {}


@pytest.mark.rule(23)
@pytest.mark.parametrize("name", _OWN)
def test_another_method_than_its_name_says_is_refused(provider, name):
    """As an option of the backend and of a run; None and its own method are taken."""
    backend = provider.get_backend(name)
    own = backend.options.method
    said = f'is not for "{name}", whose method is {own!r}: run on'
    with pytest.raises(BasicAerError, match=re.escape(said)):
        backend.set_options(shots=77, method="statevector")
    with pytest.raises(BasicAerError, match=re.escape(said)):
        type(backend)(provider, method="statevector")
    backend.set_options(method=None)
    backend.set_options(method=own)
    assert backend.options.shots == 1024


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "fast"}, "method='fast' must be"),
        ({"shots": -1}, "shots=-1 must be"),
        ({"noise_model": 5}, "noise_model=5 must be"),
        ({"precision": "half"}, "precision='half' must be"),
    ],
)
def test_a_bad_option_of_a_backend_is_refused_where_it_is_given(provider, options, said):
    """And nothing of the call is kept."""
    backend = provider.get_backend("qasm_simulator")
    with pytest.raises(BasicAerError, match=re.escape(said)):
        backend.set_options(memory=True, **options)
    assert backend.options.memory is False
