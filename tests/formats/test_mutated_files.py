"""Files with something wrong in them are read or refused, within bounds."""

import subprocess
import sys
from pathlib import Path

import pytest

from jaxamp.formats import FORMATS

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "experiments/012_mutated_files/run.py"

PLAYED = ("nam", "rtneural")
"""One of what each of the two readers reads is played; to play is to compile."""

READ = [name for name, row in FORMATS.items() if row.read is not None]


@pytest.mark.skipif(not PROGRAM.is_file(), reason="the experiments are not here")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched as Linux has it")
@pytest.mark.parametrize("play", [0, 1])
def test_thirty_mutated_files_of_each_format_are_read_or_refused(play, tmp_path):
    wanted = [name for name in READ if (name in PLAYED) == bool(play)]
    done = subprocess.run(
        [
            *(sys.executable, PROGRAM, ROOT / "tests/oracles"),
            *(word for name in wanted for word in ("--format", name)),
            *("--count", "30", "--swollen", "0", "--seed", "1"),
            *("--play", str(play), "--keep", tmp_path),
            *("--seconds", "60", "--play-seconds", "600"),  # the machine may be busy
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = {file.name: file.read_text() for file in tmp_path.glob("*.txt")}
    assert done.returncode == 0, (done.stderr, found)
    _, _, *rows = done.stdout.splitlines()
    for row in rows:
        _, name, _, read, refused, *_ = (cell.strip() for cell in row.split("|"))
        assert int(read) + int(refused) == 30, name
        assert int(read) > 0, f"{name}: nothing was looked at to its end"
    assert len(rows) == len(wanted)
