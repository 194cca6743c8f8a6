"""The examples that need no other library: each runs as it is, and prints what its README says."""

import pytest
from support.shipped import EXAMPLES, PRINTED, lines_of


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bell.py", "dynamic.py", "noise.py", "vqe.py"])
def test_an_example(provider, tmp_path, name):
    """Its last line is that of the README."""
    assert lines_of(name, url=provider.settings.url, folder=tmp_path)[-1] == PRINTED[name]


@pytest.mark.slow
@pytest.mark.rule(13)
def test_coming_back(provider, tmp_path):
    """A job that one process submitted is fetched by its id in another."""
    url = provider.settings.url
    (job_id,) = lines_of("come_back.py", url=url, folder=tmp_path)
    assert lines_of("come_back.py", job_id, url=url, folder=tmp_path)[-1] == PRINTED["come_back.py"]


@pytest.mark.slow
def test_a_sweep_is_drawn(provider, tmp_path):
    """It prints the line of the README, and its picture is a PNG."""
    assert lines_of("sweep.py", url=provider.settings.url, folder=tmp_path)[-1] == PRINTED["sweep.py"]
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_each_is_in_the_readme():
    """The README of the examples names every file there."""
    text = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.iterdir():
        assert path.name == "README.md" or f"]({path.name})" in text, path.name
