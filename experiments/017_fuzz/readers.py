"""Every reader of strangers' bytes as a function of bytes, and whole ones to try.

A reader is given bytes and a folder of its own. It may succeed, or raise what the
command line turns into a message (`JaxampError`, `OSError`); all else is a crash.
"""

import contextlib
import functools
import io
import json
import shutil
import struct
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]

TINY = (
    "data.seconds=3", "data.validation_seconds=1", "model=lstm/1x8", "model.hidden=[3]",
    "loss=mse", "schedule=constant", "train.outputs=512", "train.batch=4",
    "train.burn_in=256", "train.steps=4", "train.validate_every=2",
)  # fmt: skip

RUN_FILES = (
    "result.json", "config.yaml", "capture.json", "metadata.json", "metrics.jsonl",
    "sizes.json", "failure.json", "init.json",
)  # fmt: skip


class Reader(NamedTuple):
    """What is tried."""

    read: Callable[[bytes, Path], None]
    seeds: Callable[[Path], Sequence[bytes]]


class FaultyError(Exception):
    """A reader that ended well, but did what it must not."""


# --- model files -------------------------------------------------------------------


def model_file(suffix: str) -> Callable[[bytes, Path], None]:
    """Reads a player's file, and describes it as `jaxamp info` does."""

    def read(data: bytes, folder: Path) -> None:
        from jaxamp.cli.info import described, table, who_plays  # noqa: PLC0415
        from jaxamp.loading import load_described  # noqa: PLC0415

        file = folder / f"amp{suffix}"
        file.write_bytes(data)
        facts = described(load_described(file))
        facts |= {"sizes": [1.0], "players": who_plays(facts)}
        refuse_unprintable(table(facts))

    return read


def model_files(*kinds: str) -> Callable[[Path], Sequence[bytes]]:
    """Small whole files, written by jaxamp, and the oracles of its tests."""

    def seeds(folder: Path) -> list[bytes]:
        sys.path.insert(0, str(ROOT / "experiments/012_mutated_files"))
        import run as mutated  # noqa: PLC0415

        own = [file for kind in kinds for file in mutated.own_files(kind)]
        oracles = (ROOT / "tests/oracles/nam").glob("*.nam") if "nam" in kinds else ()
        small = [file.read_bytes() for file in oracles]
        return [data for data in own + small if len(data) < 200_000]

    return seeds


# --- audio -------------------------------------------------------------------------


def audio(data: bytes, folder: Path) -> None:
    """Reads a file whole and in blocks."""
    from jaxamp.data.audio import read_audio, read_blocks  # noqa: PLC0415

    file = folder / "a.wav"
    file.write_bytes(data)
    heard = read_audio(file, 0)
    count = sum(len(block) for block in read_blocks(file, 1000, 0))
    if count != len(heard.samples):
        raise FaultyError("blocks and whole differ")


def loudness(data: bytes, folder: Path) -> None:
    """Reads the sound that loudness is measured with."""
    from jaxamp.cli.labels import loudness_input  # noqa: PLC0415

    (folder / "a.wav").write_bytes(data)
    loudness_input(str(folder / "a.wav"), 8_000)


def pair(data: bytes, folder: Path) -> None:
    """Looks over a pair of recordings of which one is a stranger's."""
    from jaxamp.cli.check import report  # noqa: PLC0415
    from jaxamp.data.audio import read_audio  # noqa: PLC0415
    from jaxamp.data.examine import examine  # noqa: PLC0415

    (folder / "x.wav").write_bytes(audio_files(folder)[0])
    (folder / "y.wav").write_bytes(data)
    x, y = read_audio(folder / "x.wav", 0), read_audio(folder / "y.wav", 0)
    found = examine(x, y, delay="auto", trim=True)
    refuse_unprintable(report(x, found, [], False))


@functools.cache
def audio_files(folder: Path) -> list[bytes]:
    """A short file of each kind that libsndfile writes."""
    import numpy as np  # noqa: PLC0415
    import soundfile  # noqa: PLC0415

    sound = np.random.default_rng(0).normal(0, 0.1, 3_000).astype(np.float32)
    files = []
    for kind in ("WAV", "AIFF", "FLAC", "CAF", "W64", "RF64", "WAVEX", "AU", "OGG"):
        for subtype in list(soundfile.available_subtypes(kind))[:6]:
            out = io.BytesIO()
            with contextlib.suppress(Exception):
                soundfile.write(out, sound, 8_000, format=kind, subtype=subtype)
                files.append(out.getvalue())
    return files


# --- a run -------------------------------------------------------------------------


def finished(folder: Path) -> Path:
    """A small run, trained once."""
    run = folder.parent / "finished"
    if not (run / "result.json").is_file():
        from jaxamp.cli.main import main  # noqa: PLC0415

        shutil.rmtree(run, ignore_errors=True)
        with contextlib.redirect_stdout(io.StringIO()):
            if main(["train", *TINY, f"hydra.run.dir={run}"]):
                raise SystemExit("the run that all is tried on could not be trained")
        (run / "sizes.json.whole").write_text('{"lite": 0.5, "full": 1.0}')
        (run / "failure.json.whole").write_text('{"message": "no", "trace": "x"}')
        (run / "init.json.whole").write_text('{"file": "a.nam", "sha256": "00"}')
    return run


def run_files(folder: Path) -> list[bytes]:
    """Each file of a run, behind its number."""
    run, files = finished(folder), []
    for number, name in enumerate(RUN_FILES):
        file = run / name if (run / name).is_file() else run / f"{name}.whole"
        files.append(bytes([number]) + file.read_bytes())
    return files


def run_folder(data: bytes, folder: Path) -> None:
    """A run of which one file is a stranger's, looked at by all but training."""
    from jaxamp.cli.failure import read_failure  # noqa: PLC0415
    from jaxamp.cli.folder import finished as is_done  # noqa: PLC0415
    from jaxamp.cli.folder import refuse_other, refuse_other_recordings  # noqa: PLC0415
    from jaxamp.cli.found import find_runs  # noqa: PLC0415
    from jaxamp.cli.init import remembered_in  # noqa: PLC0415
    from jaxamp.report.comparison import HEADINGS, as_csv, rows  # noqa: PLC0415
    from jaxamp.report.comparison_page import comparison_page  # noqa: PLC0415
    from jaxamp.train.log import forget_after, read_lines  # noqa: PLC0415

    if not data:
        return
    run, whole = folder / "run", finished(folder)
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    for name in RUN_FILES[:5]:
        shutil.copy(whole / name, run / name)
    (run / "checkpoints" / "1").mkdir(parents=True)
    (run / RUN_FILES[data[0] % len(RUN_FILES)]).write_bytes(data[1:])
    config = {"train": {"steps": 4, "minutes": 1, "threshold_esr": 1, "patience": 1}}
    found = find_runs([folder])
    table = rows(found.runs) if found.runs else []
    for cell in HEADINGS.values():
        refuse_unprintable("".join(cell(row) for row in table))
    refuse_unprintable("".join(found.notes()))
    page = comparison_page(table, "<svg></svg>", found.notes())
    bare = comparison_page([], "<svg></svg>", [])
    if page.count("<script") != bare.count("<script"):
        raise FaultyError("a page with a script that is not ours")
    as_csv(table)
    is_done(run, config)
    read_failure(run)
    remembered_in(run)
    forget_after(run / "metrics.jsonl", 3)
    read_lines(run / "metrics.jsonl")
    told(["info", str(run)])
    for refuse in (refuse_other, refuse_other_recordings):
        refuse(run, config)


def told(arguments: Sequence[str]) -> None:
    """A command ends with 0 or 2, in words, and nothing on the terminal acts."""
    from jaxamp.cli.main import main  # noqa: PLC0415

    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        status = main(list(arguments))
    if status not in (0, 2) or "unexpectedly" in error.getvalue():
        raise FaultyError(f"{arguments[0]} ended with {status}: {error.getvalue()}")
    refuse_unprintable(out.getvalue() + error.getvalue())


def refuse_unprintable(text: str) -> None:
    """Raises FaultyError for letters that act on a terminal."""
    odd = {letter for line in text.splitlines() for letter in line
           if not letter.isprintable()}  # fmt: skip
    if odd or set(text) & set("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
        raise FaultyError(f"unprintable letters: {odd}")


# --- checkpoints -------------------------------------------------------------------


def parts_of(checkpoints: Path) -> list[Path]:
    return sorted(p for p in checkpoints.rglob("*") if p.is_file())


def checkpoint_seeds(folder: Path) -> list[bytes]:
    """Each file of a checkpoint behind its number; stores opened and inflated too."""
    files = []
    for number, file in enumerate(parts_of(finished(folder) / "checkpoints")):
        data = file.read_bytes()
        files.append(bytes([number, 0]) + data)
        body = inflated(data)
        if body is not None:
            files.append(bytes([number, 1]) + body)
    return files


def checkpoint(data: bytes, folder: Path) -> None:
    """A run's checkpoints of which one file is a stranger's, loaded for playing."""
    from jaxamp.loading import load_described  # noqa: PLC0415

    if len(data) < 2:
        return
    whole = finished(folder)
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(whole / "checkpoints", run / "checkpoints")
    files = parts_of(run / "checkpoints")
    file = files[data[0] % len(files)]
    file.write_bytes(stored(file.read_bytes(), data[2:]) if data[1] & 1 else data[2:])
    load_described(run)


def inflated(data: bytes) -> bytes | None:
    """What a file of TensorStore's database holds, if it is one."""
    import zstandard  # noqa: PLC0415

    if len(data) < 18 or struct.unpack("<Q", data[4:12])[0] != len(data):
        return None
    body = data[14:-4]
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)


def stored(old: bytes, body: bytes) -> bytes:
    """The same file with another content, not compressed, its checksum right."""
    import google_crc32c  # noqa: PLC0415

    head = old[:4].ljust(4, b"\0")
    version = old[12:13] or b"\0"
    data = head + struct.pack("<Q", 18 + len(body)) + version + b"\0" + body
    return data + struct.pack("<I", google_crc32c.value(data))


# --- configurations ----------------------------------------------------------------


def config_file(data: bytes, folder: Path) -> None:
    """A file in --config-dir, composed and checked up to where training would begin."""
    place = folder / "conf" / "experiment"
    place.mkdir(parents=True, exist_ok=True)
    (place / "odd.yaml").write_bytes(data)
    composed([f"hydra.searchpath=[file://{folder}/conf]", "+experiment=odd"], folder)


def overrides(data: bytes, folder: Path) -> None:
    """Overrides, one a line."""
    lines = data.decode("utf-8", "replace").split("\n")[:6]
    composed([line for line in lines if line and not line.startswith("-")], folder)


def composed(given: Sequence[str], folder: Path) -> None:
    """Composes and prepares all but the recording, which is always the same."""
    from hydra import compose, initialize_config_dir  # noqa: PLC0415
    from hydra.errors import HydraException  # noqa: PLC0415
    from omegaconf import OmegaConf  # noqa: PLC0415
    from omegaconf.errors import OmegaConfBaseException  # noqa: PLC0415

    from jaxamp.cli.config import conf_folder, find  # noqa: PLC0415
    from jaxamp.cli.guard import guarded  # noqa: PLC0415
    from jaxamp.cli.overrides import explained  # noqa: PLC0415
    from jaxamp.cli.prepare import prepared, refuse_unlike_groups  # noqa: PLC0415
    from jaxamp.core.shown import paragraph  # noqa: PLC0415

    base = [f"{key}" for key in TINY if not key.startswith("data.")]
    try:
        with guarded(), initialize_config_dir(str(conf_folder()), version_base="1.3"):
            config: Any = compose("train", [*base, *given])
        plain: Any = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        refuse_unprintable(paragraph(explained(error)))
        return
    except RecursionError:
        return  # the command says so
    refuse_unlike_groups(plain)
    data = plain.get("data")
    find(data.get("_target_") if isinstance(data, Mapping) else None, "data")
    prepared(plain, {}, folder / "run", recording())


@functools.cache
def recording() -> Any:
    """A second of noise through nothing."""
    import numpy as np  # noqa: PLC0415

    from jaxamp.core import Capture, Recording  # noqa: PLC0415

    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    one = Capture(noise[:40_000], noise[:40_000], noise[:0], "noise")
    other = Capture(noise[40_000:], noise[40_000:], noise[:40_000], "noise")
    return Recording((one,), (other,), 48_000, 1.0, {})


def config_seeds(folder: Path) -> list[bytes]:
    """Recipes of the project, and what a stranger would try."""
    files = [*(ROOT / "conf/experiment").glob("*.yaml"),
             *(ROOT / "conf/model").rglob("*.yaml")]  # fmt: skip
    hostile = (
        "# @package _global_\nhydra: {callbacks: {x: {_target_: os.getcwd}}}",
        "# @package _global_\nmodel: {_target_: jaxamp.train.RunLog, folder: x}",
        "# @package _global_\ntrain: {steps: ${oc.env:HOME}, batch: 1e9}",
        "a: &a [1, 2]\nb: [*a, *a]\n",
        "# @package _global_\ndefaults: [/model: lstm/1x16]\nexport: {name: '\\e[31m'}",
    )
    return [*(file.read_bytes() for file in files), *(h.encode() for h in hostile)]


def override_seeds(folder: Path) -> list[bytes]:
    """Mistakes and attempts, as people write them."""
    lines = (
        "train.steps=5", "train.steps=${oc.env:HOME}", "model=wavenet/nano",
        "model.hidden=[3,4]", "model.hidden=[1000000000]", "+model.x={a: {b: [1, 2]}}",
        "loss.terms.mse.weight=1e400", "optimizer._target_=optax.sgd", "~model.head",
        "train={}", "++data=null", "seed=99999999999999999999", "train.outputs=1e12",
        "export.name='\u202e\x1b[2J'", "train.batch=1000000000", "schedule=exponential",
        "schedule.decay_steps=0", "hydra.job.name=${now:%Y}", "optimizer=muon",
        "+a=${oc.create:{_target_: os.getcwd}}", "train.chunk=256", "loss=nam_a2",
        "model=wavenet/nano\nmodel.arrays=[{channels: 2, dilations: [1]}]",
    )  # fmt: skip
    return [line.encode("utf-8", "surrogatepass") for line in lines]


# --- the rest ----------------------------------------------------------------------


def cache_entry(data: bytes, folder: Path) -> None:
    """An entry of the compile cache: its bytes, or nothing."""
    from jaxamp.core.compile_cache import Programs  # noqa: PLC0415

    programs = Programs(folder)
    programs.put("key", b"program")
    (file,) = folder.glob("*.program")
    file.write_bytes(data)
    if programs.get("key") not in (None, b"program"):
        raise FaultyError("a damaged program is run")
    file.unlink(missing_ok=True)


def cache_seeds(folder: Path) -> list[bytes]:
    from jaxamp.core.compile_cache import checksum  # noqa: PLC0415

    return [checksum("key", b"program") + b"program", b""]


def knobs(data: bytes, folder: Path) -> None:
    """`--knob NAME=VALUE`, one a line."""
    from jaxamp.cli.knobs import named_settings, settings_of  # noqa: PLC0415
    from jaxamp.models import recurrent  # noqa: PLC0415

    model = recurrent(hidden=[3], controls=["gain", "tone"])
    given = data.decode("utf-8", "replace").split("\n")
    refuse_unprintable(named_settings(model, settings_of(model, given)))


def names(data: bytes, folder: Path) -> None:
    """The folder of a sweep's job, out of its overrides."""
    from jaxamp.cli.names import folder_name  # noqa: PLC0415

    name = folder_name(data.decode("utf-8", "replace"), 7)
    if name in ("", ".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise FaultyError(f"a folder called {name!r}")


READERS: dict[str, Reader] = {
    "nam": Reader(model_file(".nam"), model_files("nam")),
    "proteus": Reader(
        model_file(".json"), model_files("proteus", "neuralpi", "coreaudioml")
    ),
    "rtneural": Reader(model_file(".json"), model_files("rtneural")),
    "aidax": Reader(model_file(".aidax"), model_files("aidax")),
    "audio": Reader(audio, audio_files),
    "loudness": Reader(loudness, audio_files),
    "pair": Reader(pair, audio_files),
    "run": Reader(run_folder, run_files),
    "checkpoint": Reader(checkpoint, checkpoint_seeds),
    "config": Reader(config_file, config_seeds),
    "overrides": Reader(overrides, override_seeds),
    "cache": Reader(cache_entry, cache_seeds),
    "knobs": Reader(knobs, lambda _: [b"gain=0.5\ntone=1", b"gain=nan", b"=\n=1"]),
    "names": Reader(names, lambda _: [b"seed=0", b"model=a/b,seed=../x", b"-x=.."]),
}


def allowed() -> tuple[type[Exception], ...]:
    """What the command line turns into a message."""
    from jaxamp.core import JaxampError  # noqa: PLC0415

    warnings.simplefilter("ignore")
    return (JaxampError, OSError)


def dumped(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts)
