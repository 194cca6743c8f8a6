"""The example that needs PennyLane runs as it is, and prints what its README says."""

from support.shipped import PRINTED, lines_of


def test_pennylane(provider, tmp_path):
    """The last line is that of the README."""
    lines = lines_of("with_pennylane.py", url=provider.settings.url, folder=tmp_path)
    assert lines[-1] == PRINTED["with_pennylane.py"]
