"""One finished run, shared by every test that only looks at it."""

import pytest
from runs import TINY

from jaxamp.cli import complete
from jaxamp.cli.folder import write_bytes
from jaxamp.cli.main import main
from jaxamp.report import comparison_figure

REAL_LOOK, REAL_COMPARISON = complete.first_look, comparison_figure.size_against_esr


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a run of 20 steps."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(complete, "first_look", REAL_LOOK)
        status = main(["train", *TINY, "train.steps=20", f"hydra.run.dir={folder}"])
    assert status == 0
    return folder


@pytest.fixture(scope="module", autouse=True)
def quick_pictures():
    """Drawing takes as long as all the rest of a tiny run.

    The run of `finished`, and those in processes of their own, have real pictures.
    """

    def draw(path, **_):
        write_bytes(path, b"a picture")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(complete, "first_look", draw)
        patch.setattr(comparison_figure, "size_against_esr", lambda *_: b"<svg/>")
        yield


@pytest.fixture
def real_comparison(monkeypatch):
    """For those that look at the picture of a comparison."""
    monkeypatch.setattr(comparison_figure, "size_against_esr", REAL_COMPARISON)
