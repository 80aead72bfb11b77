"""What the tests share: the folder of recordings, and one compile cache."""

import os
from pathlib import Path

import jax
import pytest

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # processes share a GPU

from jaxamp.core.compile_cache import use_compile_cache
from jaxamp.core.compiler import forget_old_programs

jax.devices()  # one, whichever test is first: a command would make one of each core


@pytest.fixture(scope="session")
def recordings():
    """The folder of recordings and players' files named by JAXAMP_DATA."""
    folder = os.environ.get("JAXAMP_DATA")
    if not folder:
        pytest.skip("JAXAMP_DATA is not set: these recordings are not in the project")
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def compile_cache(tmp_path_factory):
    """A cache of this run's own, never the one in the home directory.

    The processes of one run share it, as those of a user do.

    It begins empty, so every program is compiled by the code under test; a program
    met again is then the same machine code, as it is for users. What that could hide,
    a program that differs when compiled anew, `core/test_compile_cache.py` looks for.
    """
    if os.environ.get("JAXAMP_CACHE") == "off":  # to compile everything every time
        return
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "compile_cache"
    os.environ["JAXAMP_CACHE"] = str(folder)  # for the commands that tests start
    use_compile_cache()


@pytest.fixture(autouse=True)
def forgotten_programs():
    """All tests together compile more than one process may keep."""
    yield
    forget_old_programs()
