"""What the tests share: the folder of recordings, where there is one."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recordings():
    """The folder of recordings and players' files named by JAXAMP_DATA."""
    folder = os.environ.get("JAXAMP_DATA")
    if not folder:
        pytest.skip("JAXAMP_DATA is not set: these recordings are not in the project")
    return Path(folder)
