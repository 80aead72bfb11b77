"""The notebook, run as it is, on the demo; its numbers alone are smaller."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from jaxamp.formats import read

NOTEBOOK = (
    Path(__file__).parents[2] / "experiments" / "notebook" / "two_files_to_nam.ipynb"
)
SMALLER = {"MODEL": '"linear/256"', "STEPS": "20"}


def test_the_notebook_goes_from_two_files_to_a_model(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    settings = next(cell for cell in notebook.cells if cell.cell_type == "code")
    settings.source += "\n" + "\n".join(f"{k} = {v}" for k, v in SMALLER.items())
    done = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    said = "".join(
        output.get("text", "")
        for cell in done.cells
        for output in cell.get("outputs", ())
    )
    model, _, metadata = read(tmp_path / "my_amp.nam")
    assert model.architecture == "Linear"
    assert metadata["training"]["validation_esr"] > 0
    assert (tmp_path / "runs" / "notebook" / "report.html").is_file()
    assert "jaxamp: " not in said.replace("jaxamp: warning: ", ""), said
