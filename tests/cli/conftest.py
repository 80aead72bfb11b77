"""One finished run, shared by every test that only looks at it."""

import pytest
from runs import TINY

from jaxamp.cli.main import main


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a run of 20 steps."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    status = main(["train", *TINY, "train.steps=20", f"hydra.run.dir={folder}"])
    assert status == 0
    return folder
