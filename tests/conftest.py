"""What the tests share: the folder of recordings, and one compile cache a run."""

import os
from pathlib import Path

import jax
import pytest

from jaxamp.core.compile_cache import use_compile_cache


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

    It begins empty, so every program is compiled by the code under test; a program
    met again is then the same machine code, as it is for users. What that could hide,
    a program that differs when compiled anew, `core/test_compile_cache.py` looks for.
    """
    if os.environ.get("JAXAMP_CACHE") == "off":  # to compile everything every time
        return
    folder = tmp_path_factory.mktemp("compile_cache")
    os.environ["JAXAMP_CACHE"] = str(folder)  # for the commands that tests start
    use_compile_cache()


MAPPINGS = Path("/proc/self/maps")
MANY_MAPPINGS = 30_000
"""Half of what Linux allows a process by default."""


@pytest.fixture(autouse=True)
def forgotten_programs():
    """Lets go of compiled programs before they hold too many memory mappings.

    All tests together need more than a process may have, and XLA then aborts.
    """
    yield
    if MAPPINGS.exists() and MAPPINGS.read_bytes().count(b"\n") > MANY_MAPPINGS:
        jax.clear_caches()
