"""Backends by their names, and the options that tell one from another: no queue."""

from __future__ import annotations

import re

import pytest

from jobs import BasicAerProvider

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
    """Its own defaults are in its table, whatever they are changed to, and so is what else was changed."""
    backend = provider.get_backend(name)
    assert told(backend) == _OWN[name]
    backend.set_options(method="automatic", shots=77)
    assert told(backend) == _OWN[name] | {"method": "'automatic'", "shots": "77"}
    assert told(provider.get_backend("qasm_simulator")) == {}
