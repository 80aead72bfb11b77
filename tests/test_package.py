"""The functions that the package offers by its own name."""

import subprocess
import sys

ONE_AFTER_THE_OTHER = """
import jaxamp
first = jaxamp.load
assert callable(first) and first is jaxamp.load, jaxamp.load
from jaxamp.loading import load
assert jaxamp.load is load
assert all(callable(getattr(jaxamp, name)) for name in jaxamp.__all__)
"""


def test_a_name_means_the_same_function_however_often_it_is_used():
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
