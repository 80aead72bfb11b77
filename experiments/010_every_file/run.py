"""Which files of a folder does jaxamp read and play, and how near is it to them?

    uv run python experiments/010_every_file/run.py FOLDER --loudness-input FILE.wav

Reads every model file below the folder, plays a plucked string through it, and prints a
table. The last column compares with what a file carries: a .nam file's loudness (dB)
and gain, as measured again with the loudness input; the largest difference from an
AIDA-X file's stored output, and from the CSV beside an RTNeural file, both from zero
state.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxamp import formats, process
from jaxamp.cli.labels import loudness_input
from jaxamp.core import JaxampError, parameter_count
from jaxamp.core.compiler import forget_old_programs
from jaxamp.formats.nam.loudness import loudness_and_gain
from jaxamp.formats.rtneural import stored_pair

SUFFIXES = {row.suffix for row in formats.FORMATS.values() if row.read}

HEAD = ("file", "verdict", "architecture", "parameters", "knobs", "what it carries")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--loudness-input", help="one second that .nam files know")
    given = parser.parse_args()
    print(line(HEAD), line(["---"] * len(HEAD)), sep="\n")
    for path in sorted(given.folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            cells = tried(path, given.loudness_input)
            print(line([path.relative_to(given.folder), *cells]), flush=True)
            forget_old_programs()


def tried(path: Path, signal: str | None) -> tuple[str, ...]:
    """Verdict, architecture, parameters, knobs and comparison of one file."""
    try:
        model, params, metadata = formats.read(path)
        y = process(model, params, string(model.sample_rate))
        compared = comparison(path, model, params, metadata, signal)
    except JaxampError as problem:
        reason = str(problem).removeprefix(f"{path.name} cannot be read: ")
        return f"refused: {reason}", "", "", "", ""
    verdict = "played" if np.all(np.isfinite(y)) and np.std(y) > 0 else "silent or NaN"
    knobs = ", ".join(model.controls)
    return verdict, model.architecture, f"{parameter_count(params):,}", knobs, compared


def string(sample_rate: int) -> np.ndarray:
    """Half a second of a low string, 1-D."""
    time = np.arange(sample_rate // 2) / sample_rate
    return 0.5 * np.exp(-6 * time) * np.sin(2 * np.pi * 110 * time)


def comparison(path, model, params, metadata, signal) -> str:
    """How far what the model plays is from what the file carries."""
    if path.suffix.lower() == ".nam":
        return loudness_comparison(model, params, metadata, signal)
    table = path.with_name(f"{path.stem}_x_python.csv")
    if table.is_file():
        answer = path.with_name(f"{path.stem}_y_python.csv")
        pair = np.loadtxt(table), np.loadtxt(answer)
    else:
        pair = stored_pair(path)
    if pair is None:
        return ""
    x, y = pair
    heard = jnp.asarray(x, jnp.float32)[None, None]
    knobs = jnp.zeros((1, len(model.controls))) if model.controls else None
    played, _ = jax.jit(model.apply)(params, heard, knobs, model.init_state(params, 1))
    return f"output {np.max(np.abs(played[0, 0] - y)):.1e}"


def loudness_comparison(model, params, metadata, signal) -> str:
    """Measured less stored."""
    stored = {key: metadata.get(key) for key in ("loudness", "gain")}
    if signal is None or None in stored.values():
        return ""
    measured = loudness_and_gain(
        model, params, loudness_input(signal, model.sample_rate)
    )
    differences = (
        f"{key} {getattr(measured, key) - value:+.1e}" for key, value in stored.items()
    )
    return ", ".join(differences)


def line(cells) -> str:
    """A row of a Markdown table; what a file says of itself breaks no row."""
    texts = (
        "".join(c if c.isprintable() else " " for c in str(cell)).replace("|", "\\|")
        for cell in cells
    )
    return f"| {' | '.join(texts)} |"


if __name__ == "__main__":
    main()
