"""Programs of libraries that nobody here wrote, on a real embedded cluster, as their users run them.

`make test-clients` runs them, each folder in an environment of its own: in `pinned` are those that hold Qiskit
back to an older version, in `current` all others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.processes import environment

from jobs import BasicAerProvider, LocalCluster
from jobs.simulators import QasmSimulator


def pytest_collection_modifyitems(items):
    """What other libraries warn of is theirs; an option of theirs that does nothing here is a failure."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore"))
        item.add_marker(pytest.mark.filterwarnings("error:.*is not used by this backend"))


@pytest.fixture(scope="session")
def provider() -> Iterator[BasicAerProvider]:
    """The provider of a cluster that the environment names, also that of processes which are started here."""
    with LocalCluster(workers=2) as cluster, environment(BASICAER_URL=cluster.url):
        provider = BasicAerProvider()
        yield provider
        provider.close()


@pytest.fixture
def backend(provider: BasicAerProvider) -> QasmSimulator:
    return provider.get_backend("qasm_simulator")
