"""The tests and benchmarks lie where their READMEs say."""

import pytest
from support.processes import ROOT

TESTS, BENCHMARKS = ROOT / "tests", ROOT / "benchmarks"


def folders(path):
    """The folders in a folder that hold modules."""
    return {each.name for each in path.iterdir() if any(each.glob("*.py"))}


@pytest.mark.parametrize("package", ["jobs", "worker", "simulator"])
def test_unit_tests_mirror_the_packages(package):
    """Each folder of unit tests has the name of the room that it tests."""
    assert folders(TESTS / "unit" / package) <= folders(ROOT / package)


def test_every_folder_of_tests_is_explained():
    """The README of the tests has a row for each folder, and for each helper."""
    text = (TESTS / "README.md").read_text()
    helpers = {path.stem for path in (TESTS / "support").glob("*.py")} - {"__init__"}
    for name in [f"{each}/" for each in folders(TESTS) | folders(TESTS / "support")] + sorted(helpers):
        assert f"`{name}`" in text, name


def test_every_benchmark_is_explained():
    """The README of the benchmarks names each room."""
    text = (BENCHMARKS / "README.md").read_text()
    for name in folders(BENCHMARKS):
        assert f"`{name}/`" in text, name
