"""How good is one model of an amp with its knobs, and how many settings does it need?

    JAXAMP_DATA=recordings python experiments/021_knobs/run.py FOLDER [--only kinds …]

Everything is trained by `jaxamp` itself below FOLDER; what is there is not done again.
Prints and writes FOLDER/numbers.json. Parts:

- kinds: conditioning by concat, film and hyper, and the grey box, on unseen settings of
  a simulated amp, beside snapshots: of the middle, and of the nearest setting.
- count: the virtual amp at 4, 8, 16 and 32 settings, judged where none was.
- real: a real amp, every setting left out once.
- pedal: a player's model with one knob, learned from five positions of it.
- slide: a knob that moves for two seconds, against what the virtual amp does.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml
from manifests import KEPT, real_amp, simulated_amp, written

import jaxamp
from jaxamp.data.demo import SAMPLE_RATE, packaged_di, rendered
from jaxamp.data.knobbed_amp import KNOBS, knobbed_amp

KINDS = ("concat", "film", "hyper")
SEEDS = (0, 1, 2)
WAVENET, GREYBOX = "wavenet/nano", "greybox/small"


def main() -> None:
    """The parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    file = given.folder / "numbers.json"
    numbers = json.loads(file.read_text()) if file.exists() else {}
    for name in given.only:
        begun = time.time()
        numbers[name] = PARTS[name](given.folder.resolve(), given.steps)
        minutes = (time.time() - begun) / 60
        print(
            name, json.dumps(numbers[name], indent=1), f"{minutes:.1f} min", flush=True
        )
        file.write_text(json.dumps(numbers, indent=1) + "\n")


# --- commands ------------------------------------------------------------------------


def jaxamp_command(*words: Any) -> str:
    """Runs `jaxamp …`; what it prints."""
    command = [sys.executable, "-m", "jaxamp", *map(str, words)]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return made.stdout


def trained(folder: Path, steps: int, *overrides: str) -> dict[str, Any]:
    """A run, made unless it is there; its result."""
    if not (folder / "result.json").exists():
        recipe = ("+experiment=best", f"train.steps={steps}", f"hydra.run.dir={folder}")
        jaxamp_command("train", *recipe, *overrides)
    return json.loads((folder / "result.json").read_text())


def over_seeds(folder: Path, steps: int, *overrides: str) -> list[dict[str, Any]]:
    """The same with every seed, side by side; their results."""
    wanted = [folder / str(seed) for seed in SEEDS]
    if not all((run / "result.json").exists() for run in wanted):
        seeds = ",".join(map(str, SEEDS))
        places = (f"hydra.sweep.dir={folder}", "hydra.sweep.subdir=${seed}")
        recipe = ("+experiment=best", f"train.steps={steps}", f"seed={seeds}")
        side_by_side = "hydra/launcher=population"
        jaxamp_command("train", "-m", side_by_side, *recipe, *places, *overrides)
    return [json.loads((run / "result.json").read_text()) for run in wanted]


def unseen(result: Mapping[str, Any]) -> dict[str, float]:
    """Setting -> ESR of those that were kept from training."""
    return {
        one["name"]: one["esr"]
        for one in result["knobs"]["settings"]
        if not one["seen"]
    }


def judged(model: Path, manifest: Path) -> dict[str, float]:
    """Setting -> ESR of a model at every setting of a manifest, none with a delay."""
    told = manifest.parent / f"{model.name}_at_{manifest.stem}.json"
    where = ("--manifest", manifest, "--delay", 0, "--json", told)
    jaxamp_command("evaluate", model, *where)
    return {one["name"]: one["esr"] for one in json.loads(told.read_text())["settings"]}


def spread_of(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean over seeds of the mean and the worst over unseen settings, and its size."""
    results = list(results)
    each = [list(unseen(one).values()) for one in results]
    return {
        "mean ESR of seeds": [float(np.mean(one)) for one in each],
        "worst ESR of seeds": [float(np.max(one)) for one in each],
        "by setting": {
            name: float(np.mean([unseen(one)[name] for one in results]))
            for name in unseen(results[0])
        },
        "parameters": results[0]["parameters"],
        "macs_per_sample": results[0]["macs_per_sample"],
    }


# --- parts ---------------------------------------------------------------------------


def kinds(folder: Path, steps: int) -> dict[str, Any]:
    """Conditioning against snapshots."""
    manifest = folder / "amp.yaml"
    amp = simulated_amp(recordings())
    written(manifest, amp)
    data = ("data=knobs", f"data.manifest={manifest}")
    table = {}
    for kind in KINDS:
        chosen = (*data, f"model={WAVENET}", f"conditioning={kind}")
        table[kind] = spread_of(over_seeds(folder / "kinds" / kind, steps, *chosen))
    chosen = (*data, f"model={GREYBOX}")
    table["grey box"] = spread_of(over_seeds(folder / "kinds" / "grey", steps, *chosen))
    table["snapshots"] = snapshots(folder, steps, amp, manifest)
    return table


def snapshots(folder: Path, steps: int, amp: dict, manifest: Path) -> dict[str, Any]:
    """Models of one setting, at the unseen ones: of the middle, and of the nearest."""
    places = np.array([list(one["knobs"].values()) for one in amp["recordings"]])
    known = [i for i in range(len(places)) if i not in KEPT]
    nearest = {
        i: min(known, key=lambda j: float(np.sum((places[i] - places[j]) ** 2)))
        for i in KEPT
    }
    esrs = {
        i: judged(snapshot(folder, steps, amp, i), manifest)
        for i in sorted({0, *nearest.values()})
    }
    names = {i: amp["recordings"][i]["name"] for i in KEPT}
    middle = {names[i]: esrs[0][names[i]] for i in KEPT}
    near = {names[i]: esrs[nearest[i]][names[i]] for i in KEPT}
    return {
        "of the middle": {"mean": float(np.mean([*middle.values()])), **middle},
        "of the nearest": {"mean": float(np.mean([*near.values()])), **near},
        "its own setting": {
            amp["recordings"][i]["name"]: esrs[i][amp["recordings"][i]["name"]]
            for i in esrs
        },
    }


def snapshot(folder: Path, steps: int, amp: dict, number: int) -> Path:
    """A model without knobs of one of the recordings."""
    run, one = folder / "snapshots" / str(number), amp["recordings"][number]
    files = [folder / f"{number}_{what}.wav" for what in ("dry", "wet")]
    sources = (
        (amp["input"], one["start_seconds"]),
        (
            one["target"],
            one["target_start_seconds"],
        ),
    )
    for file, (source, seconds) in zip(files, sources, strict=True):
        begin = round(seconds * 48_000)
        heard, rate = soundfile.read(source, start=begin, stop=begin + 15 * 48_000)
        soundfile.write(file, heard, rate, subtype="PCM_24")
    dry, wet = (
        f"data.{w}={f}" for w, f in zip(("input", "target"), files, strict=True)
    )
    # one delay for all, as a model with knobs has: alone, each seems to have its own
    trained(run, steps, f"model={WAVENET}", "data=capture", "data.delay=0", dry, wet)
    return run


def count(folder: Path, steps: int) -> dict[str, Any]:
    """The virtual amp, learned from few and from many settings."""
    table, truth = {}, grid()
    for settings in (4, 8, 16, 32):
        for name, chosen in {
            "film": (f"model={WAVENET}", "conditioning=film"),
            "grey box": (f"model={GREYBOX}",),
        }.items():
            data = ("data=virtual_knobs", f"data.settings={settings}")
            run = folder / "count" / f"{name.replace(' ', '_')}_{settings}"
            found = spread_of([trained(run, steps, *data, *chosen)])
            table[f"{name}, {settings}"] = found | {"grid": on_grid(run, truth)}
    return table


def grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Playing that is never trained on, 256 settings, and what the amp makes of it."""
    x = packaged_di()[len(packaged_di()) // 2 :][: 2 * SAMPLE_RATE]
    ways = [np.linspace(0, 1, 4)] * len(KNOBS)
    settings = np.stack(np.meshgrid(*ways), axis=-1).reshape(-1, len(KNOBS))
    truth = [
        rendered(knobbed_amp, x, controls=tuple(map(float, one)), sample_rate=48_000)
        for one in settings
    ]
    return x, settings.astype(np.float32), np.stack(truth)


def on_grid(
    run: Path, truth: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> dict[str, Any]:
    """The ESR at every setting of the grid, in a few numbers."""
    model, params = jaxamp.load(run)
    order = [KNOBS.index(name) for name in model.controls]
    x, settings, targets = truth
    esrs = np.array(
        [
            esr(np.asarray(jaxamp.process(model, params, x, controls=one[order])), y)
            for one, y in zip(settings, targets, strict=True)
        ]
    )
    return {
        "settings": len(esrs),
        "mean": float(np.mean(esrs)),
        "median": float(np.median(esrs)),
        "worst": float(np.max(esrs)),
        "by gain": [
            float(np.mean(esrs[settings[:, KNOBS.index("gain")] == np.float32(gain)]))
            for gain in np.linspace(0, 1, 4)
        ],
    }


def real(folder: Path, steps: int) -> dict[str, Any]:
    """A real amp: each of four models leaves out four settings."""
    manifest = folder / "jvm410h.yaml"
    amp = real_amp(recordings())
    written(manifest, amp)
    names = [one["name"] for one in amp["recordings"]]
    table: dict[str, Any] = {}
    for name, chosen in {
        "film": (f"model={WAVENET}", "conditioning=film"),
        "grey box": (f"model={GREYBOX}",),
    }.items():
        esrs: dict[str, float] = {}
        for fold in range(4):
            out = ",".join(names[fold::4])
            run = folder / "real" / f"{name.replace(' ', '_')}_{fold}"
            data = (
                "data=knobs", f"data.manifest={manifest}", f"data.validation=[{out}]",
            )  # fmt: skip
            esrs |= unseen(trained(run, steps, *data, *chosen))
        table[name] = {"mean": float(np.mean([*esrs.values()])), **esrs}
    return table


def pedal(folder: Path, steps: int) -> dict[str, Any]:
    """A pedal's drive, learned from five positions, judged at twenty-one."""
    model = recordings() / "models" / "proteus" / "TS9_DriveKnob.json"
    (knob,) = json.loads(jaxamp_command("info", model, "--json"))["controls"]
    files = {"learn": (folder / "pedal_dry.wav", 0), "judge": (folder / "judge.wav", 1)}
    for file, which in files.values():
        source = recordings() / ("dry.flac", "dry_holdout.flac")[which]
        heard, _ = soundfile.read(source, stop=48_000 * 30)
        soundfile.write(file, heard, 44_100, subtype="PCM_24")  # played slower
    learned = np.linspace(0, 1, 5)
    manifests = {
        "learn": played(folder, model, knob, files["learn"][0], learned),
        "judge": played(folder, model, knob, files["judge"][0], np.linspace(0, 1, 21)),
    }
    chosen = ("data=knobs", f"data.manifest={manifests['learn']}")
    kept = ("data.validation_share=0", f"model={WAVENET}", "conditioning=film")
    run = folder / "pedal" / "film"
    trained(run, steps, *chosen, *kept)
    esrs = judged(run, manifests["judge"])
    return {"mean": float(np.mean([*esrs.values()])), "by position": esrs}


def played(folder: Path, model: Path, knob: str, dry: Path, places) -> Path:
    """A manifest of what a model makes of a file at places of its knob."""
    found = []
    for place in places:
        wet = folder / f"{dry.stem}_{place:.2f}.wav"
        if not wet.exists():
            jaxamp_command("reamp", model, dry, wet, "--knob", f"{knob}={place:g}")
        knobs = {knob: round(float(place), 4)}
        found.append({"target": str(wet), "knobs": knobs, "name": f"{place:.2f}"})
    manifest = folder / f"{dry.stem}.yaml"
    knobs = {knob: {"range": [0, 1]}}
    manifest.write_text(
        yaml.safe_dump(
            {"input": str(dry), "delay": 0, "knobs": knobs, "recordings": found}
        )
    )
    return manifest


def slide(folder: Path, steps: int) -> dict[str, Any]:
    """The gain goes up for two seconds: how wrong is the model before, then, after?"""
    run = folder / "count" / "film_32"
    data = ("data=virtual_knobs", "data.settings=32")
    trained(run, steps, *data, f"model={WAVENET}", "conditioning=film")
    model, params = jaxamp.load(run)
    rate = SAMPLE_RATE
    x = packaged_di()[: 6 * rate]
    gain = np.interp(np.arange(len(x)) / rate, [2.0, 4.0], [0.2, 0.8])
    moves = np.full((len(KNOBS), len(x)), 0.5, np.float32)
    moves[KNOBS.index("gain")] = gain
    truth = knobbed_amp(x, moves, rate)
    moves = moves[[KNOBS.index(name) for name in model.controls]]
    y = np.asarray(jaxamp.process(model, params, x, controls=moves))
    parts = {"before": (0, 2), "during": (2, 4), "after": (4, 6)}
    esrs = {
        name: esr(y[a * rate : b * rate], truth[a * rate : b * rate])
        for name, (a, b) in parts.items()
    }
    return {"esr": esrs, "other blocks": splits(model, params, x, moves, y)}


def splits(model, params, x, moves, whole) -> dict[str, float]:
    """Largest difference of other blocks from the whole."""
    found = {}
    for block in (64, 100, 4096):
        y = np.asarray(jaxamp.process(model, params, x, controls=moves, block=block))
        found[str(block)] = float(np.max(np.abs(y - whole)))
    return found


def esr(prediction: np.ndarray, target: np.ndarray) -> float:
    """Energy of the error over that of the target."""
    return float(np.sum((prediction - target) ** 2) / np.sum(target**2))


def recordings() -> Path:
    """Where the recordings are that cannot be shipped."""
    return Path(os.environ["JAXAMP_DATA"]).resolve()


PARTS: Mapping[str, Callable[[Path, int], dict[str, Any]]] = {
    "kinds": kinds,
    "count": count,
    "real": real,
    "pedal": pedal,
    "slide": slide,
}

if __name__ == "__main__":
    main()
