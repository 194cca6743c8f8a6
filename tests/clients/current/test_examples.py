"""The examples that need qiskit-experiments, stim or Jupyter run as they are, and show what their README says."""

import nbformat
from nbclient import NotebookClient
from support.patience import deadline
from support.shipped import EXAMPLES, PRINTED, lines_of


def test_tomography(provider, tmp_path):
    """The job has our id, and the last line is that of the README."""
    lines = lines_of("tomography.py", url=provider.settings.url, folder=tmp_path)
    assert provider.job(lines[0].split()[1]).done()
    assert lines[-1] == PRINTED["tomography.py"]


def test_a_surface_code(provider, tmp_path):
    """The last line is that of the README, and the picture is a PNG."""
    lines = lines_of("surface_code.py", url=provider.settings.url, folder=tmp_path)
    assert lines[-1] == PRINTED["surface_code.py"]
    assert (tmp_path / "surface_code.png").read_bytes().startswith(b"\x89PNG")


def test_the_notebook(provider):
    """Each cell runs, and what it shows is there as text too: backend, job, bar, histogram, log and workers."""
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # as it is kept: without outputs
    NotebookClient(notebook, timeout=int(deadline(60))).execute()

    backend, job, (bar, histogram), (said,), workers = shown(notebook)
    assert backend[0]["text/plain"].startswith("<QasmSimulator")
    assert job[0]["text/plain"].startswith("<BasicAerJob")
    assert bar["text/plain"].split()[1:3] == ["DONE", "100%"]
    assert "image/png" in histogram
    assert said["text/plain"].startswith("DONE True\n")
    assert "slots busy" in workers[0]["text/plain"]
    for tabular in (backend[0], job[0], bar, workers[0]):
        assert "text/html" in tabular


def shown(notebook):
    """What each cell of code shows, as MIME types and data; what it prints is text."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[each.get("data") or {"text/plain": each["text"]} for each in cell.outputs] for cell in cells]
