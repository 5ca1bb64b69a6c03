"""The notebook of the docs runs from top to bottom, in an empty folder."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The notebook after it was run, with fewer epochs."""
    content = nbformat.read(PATH, as_version=4)
    (cell,) = (cell for cell in content.cells if cell.source == "epochs = 3")
    cell.source = "epochs = 1"
    folder = tmp_path_factory.mktemp("notebook")
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(content, timeout=300, kernel_name="python3", resources=resources).execute()
    return content


def outputs(notebook, start):
    """What the cell shows whose source begins so."""
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith(start))
    return cell.outputs


def test_pictures_and_tables_are_shown(notebook):
    for start in ("run.sample(32", "run.sample(16", "run.sample(4", "tiny = "):
        assert any("image/png" in out.get("data", {}) for out in outputs(notebook, start)), start
    assert any("text/html" in out.data for out in outputs(notebook, "run.frame()"))
    shown = str(outputs(notebook, "evaluation = "))
    assert "'fid'" in shown
    assert "'elbo'" in shown
    assert "tinyvae, finished" in str(outputs(notebook, "mnistgen.runs()"))
    assert "best" in str(outputs(notebook, "comparison = "))


def test_a_bar_is_drawn_and_nothing_is_told_that_is_no_help(notebook):
    shown = outputs(notebook, "import mnistgen")
    assert any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in shown)
    text = str([cell.get("outputs") for cell in notebook.cells])
    assert "Warning" not in text
    assert "Traceback" not in text
    assert "epoch 1/1  " not in text  # the line of an epoch is for where no bar is


def test_no_output_is_committed():
    cells = nbformat.read(PATH, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
