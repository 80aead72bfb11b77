"""What runs there are below some folders, and what tells them apart."""

import dataclasses
import hashlib
import json
import math
import os
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxamp.cli.config import GROUPS
from jaxamp.cli.failure import NAME as FAILURE
from jaxamp.cli.folder import asked, flat
from jaxamp.cli.kept import DAMAGED, kept_config
from jaxamp.core import RunError
from jaxamp.core.shown import is_plain_name, shown
from jaxamp.core.small_files import small_json
from jaxamp.report.comparison import Run

LOWEST, HIGHEST = 1e-30, 1e30
"""Of what has a logarithmic axis."""

LONGEST_SHOWN = 200
"""Characters of a row's or a capture's name."""

RUN_BLOCK = 64
"""Samples a call when a run measures its own real-time factor."""

NOT_SETTINGS = ("seed", "data.", "export.", "model._target_")
"""Keys that tell no two rows apart: seeds are averaged, captures have tables."""

SETTINGS = ("data.normalize_dbfs",)
"""Keys that do all the same: the level a model learns at is how it was trained."""

SCALING = ("target_gain", "normalize_dbfs", "warnings")
"""Findings that may differ between runs of one capture: ESR knows no level."""


@dataclasses.dataclass(frozen=True)
class Finished:
    """One trained model of a run, as it lies on the disk."""

    folder: Path
    result: Mapping[str, Any]
    config: Mapping[str, Any]
    """With dotted keys."""
    capture: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Found:
    """All runs below some folders."""

    runs: tuple[Run, ...]
    unfinished: int
    failed: int
    uneven: tuple[str, ...]
    """Keys that differ between the rows and are no part of a model."""

    def notes(self) -> list[str]:
        """Sentences about what is not in the table."""
        told = []
        if self.unfinished:
            told.append(f"{self.unfinished} runs are not finished, and left out.")
        if self.failed:
            told.append(f"{self.failed} runs failed; their {FAILURE} says why.")
        if self.uneven:
            keys = shown(", ".join(self.uneven), LONGEST_SHOWN)
            told.append(f"Not all were trained alike: {keys} differ.")
        return told


def find_runs(folders: Sequence[Path]) -> Found:
    """Reads every run below the folders, each once.

    Raises:
        RunError: A folder that is not there.
    """
    for folder in folders:
        if not folder.is_dir():
            raise RunError(
                f"There is no folder {str(folder)!r}. Give folders that hold runs of "
                "`jaxamp train`, for example the hydra.sweep.dir of a sweep."
            )
    places = dict.fromkeys(p for folder in folders for p in run_folders(folder))
    done, unfinished, failed = [], 0, 0
    for place in places:
        parts = finished_parts(place)
        done += parts
        unfinished += not parts
        failed += not parts and (place / FAILURE).is_file()
    names = settings(done)
    titles = capture_titles(done)
    runs = [compared_run(one, names[i], titles[i]) for i, one in enumerate(done)]
    return Found(tuple(runs), unfinished - failed, failed, uneven(done))


def run_folders(folder: Path) -> Iterator[Path]:
    """Folders of runs, in the order of their names; what is inside a run is its own."""
    for place, below, files in os.walk(folder):
        if "config.yaml" in files:
            below.clear()
            yield Path(place).resolve()
        below.sort()


def finished_parts(folder: Path) -> list[Finished]:
    """The models of a finished run: one, or each size; none if it is not finished."""
    try:
        result = small_json(folder / "result.json")
        config: Any = kept_config(folder / "config.yaml")
        capture = small_json(folder / "capture.json")
        train, wanted = result["train"], asked(config["train"])
        if train["stopped"] == "interrupted" or train["asked"] != wanted:
            return []  # not done, or begun again to be trained for longer
        parts = result.get("sizes") or [result]
        folders = [
            size_folder(folder, part["model"]) if "sizes" in result else folder
            for part in parts
        ]
        made = [
            Finished(place, part, flat(config), capture)
            for place, part in zip(folders, parts, strict=True)
        ]
        for one in made:
            compared_run(one, identity(capture), title(capture))
            choices(one)
    except DAMAGED:
        return []
    return made


def size_folder(folder: Path, model: str) -> Path:
    """The folder of one size of a run's model, which is called last in its name."""
    name = model.rpartition("/")[2]
    if not is_plain_name(name):
        raise ValueError(f"{name!r} names no folder in a run")
    return folder / name


def finite(value: Any, least: float = 0.0) -> float:
    """A number that can be compared, averaged and drawn."""
    number = float(value)
    if not (math.isfinite(number) and least <= number <= HIGHEST):
        raise ValueError(f"{value!r} is no measurement")
    return number


def whole(value: Any) -> int:
    """A count of at least one."""
    return int(finite(value, 1.0))


def compared_run(one: Finished, name: str, capture: str) -> Run:
    """What is compared of a finished run."""
    result, metrics = one.result, one.result["metrics"]
    folds = [finite(metrics[key]) for key in metrics if key.startswith("asr_")]
    return Run(
        model=name,
        seed=int(result["seed"]),
        capture=capture,
        parameters=whole(result["parameters"]),
        macs_per_sample=whole(result["macs_per_sample"]),
        receptive_field=whole(result["receptive_field"]),
        sample_rate=whole(result["sample_rate"]),
        esr=finite(result["esr"], LOWEST),
        mrstft=finite(metrics["mrstft"]),
        aliasing=statistics.fmean(folds),
        realtime_factor=finite(result["realtime_factor"], LOWEST),
        realtime_block=RUN_BLOCK,
        place=str(one.folder),
    )


def settings(done: Sequence[Finished]) -> list[str]:
    """What each run's row is called: its model, and what else tells it apart.

    That is every group of which different files were chosen, and every key that
    differs between runs of the same model name and is not told by those choices.
    """
    kinds: dict[str, list[Finished]] = {}
    for one in done:
        kinds.setdefault(str(one.result["model"]), []).append(one)
    names: dict[int, str] = {}
    for name, alike in kinds.items():
        groups = differing_choices(alike)
        keys = [key for key in differing_keys(alike) if not implied(key, groups, alike)]
        for one in alike:
            told = [f"{group}={choices(one)[group]}" for group in groups]
            told += [f"{key}={shortest(one.config.get(key))}" for key in keys]
            names[id(one)] = shown(" ".join([name, *told]), LONGEST_SHOWN)
    return [names[id(one)] for one in done]


def choices(one: Finished) -> dict[str, str]:
    """What a run took of each group but the model.

    Raises:
        ValueError: They are no words.
    """
    taken = one.result.get("choices", {})
    if not isinstance(taken, dict):
        raise ValueError(f"{type(taken)} are no choices")
    known = {group: taken[group] for group in GROUPS if group in taken}
    if not all(isinstance(choice, str) for choice in known.values()):
        raise ValueError(f"{known} are no choices")
    return known


def differing_choices(runs: Sequence[Finished]) -> list[str]:
    """Groups of which not all runs took the same, save what rows average over."""
    taken = [choices(one) for one in runs]
    return [
        group
        for group in GROUPS
        if all(group in one for one in taken)
        and not f"{group}.".startswith(NOT_SETTINGS)
        and len({one[group] for one in taken}) > 1
    ]


def implied(key: str, groups: Sequence[str], runs: Sequence[Finished]) -> bool:
    """Whether what was chosen of a key's group says all about the key."""
    group = key.partition(".")[0]
    if group not in groups:
        return False
    values: dict[str, set[str]] = {}
    for one in runs:
        taken = values.setdefault(choices(one)[group], set())
        taken.add(repr(one.config.get(key)))
    return all(len(alike) == 1 for alike in values.values())


def differing_keys(runs: Iterable[Finished]) -> list[str]:
    """Keys whose values are not the same in all runs, save what rows average over."""
    runs = list(runs)
    keys = sorted({key for one in runs for key in one.config})
    first = runs[0].config
    return [
        key
        for key in keys
        if (key in SETTINGS or not key.startswith(NOT_SETTINGS))
        and any(one.config.get(key) != first.get(key) for one in runs)
        and not follows(key, runs)
        and not (key.startswith("train.") and newer(key, runs))
    ]


def newer(key: str, runs: Sequence[Finished]) -> bool:
    """Whether some runs were made before there was such a key.

    A run without `train.init` is known to have drawn all its parameters.
    """
    return key != "train.init" and any(key not in one.config for one in runs)


def follows(key: str, runs: Sequence[Finished]) -> bool:
    """Whether a key only repeats another, as a schedule's peak does the rate."""
    twins = {
        "schedule.peak_value": "optimizer.learning_rate",
        "schedule.init_value": "optimizer.learning_rate",
        "schedule.value": "optimizer.learning_rate",
        "schedule.decay_steps": "train.steps",
    }
    other = twins.get(key)
    return other is not None and all(
        one.config.get(key) == one.config.get(other)
        for one in runs
        if key in one.config
    )


def uneven(done: Sequence[Finished]) -> tuple[str, ...]:
    """Keys of training, the same within each model, that differ between models."""
    within = {
        key
        for name in {str(one.result["model"]) for one in done}
        for key in differing_keys(o for o in done if o.result["model"] == name)
    }
    if not done:
        return ()
    keys = differing_keys(done)
    return tuple(k for k in keys if not k.startswith("model.") and k not in within)


def shortest(value: Any) -> str:
    """A value as a person would write it."""
    return f"{value:g}" if isinstance(value, float) else json.dumps(value).strip('"')


def capture_titles(done: Sequence[Finished]) -> list[str]:
    """What the capture of each run is called; different captures differ in title."""
    identities = [identity(one.capture) for one in done]
    titles = {i: title(one.capture) for i, one in zip(identities, done, strict=True)}
    common = [name for name in titles.values() if [*titles.values()].count(name) > 1]
    return [
        f"{titles[i]} ({i})" if titles[i] in common else titles[i] for i in identities
    ]


def identity(capture: Mapping[str, Any]) -> str:
    """The same for the same recordings, split in the same place."""
    facts = {key: value for key, value in capture.items() if key not in SCALING}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:6]


def title(capture: Mapping[str, Any]) -> str:
    """A capture in words: the amp's files, the teacher's, or the demo's knobs."""
    try:
        if "teacher" in capture:
            return shown(capture["teacher"]["file"], LONGEST_SHOWN)
        if "virtual_amp" in capture:
            settings = len(capture["virtual_amp"]["settings"])
            return f"virtual amp, {settings} settings"
        if "knobs" in capture:
            knobs = " ".join(f"{k} {v:g}" for k, v in capture["knobs"].items())
            return shown(f"demo, {knobs}", LONGEST_SHOWN)
        if "manifest" in capture:
            knobs = ", ".join(map(str, capture["ranges"])) or "no knobs"
            count = len(capture["pairs"])
            told = f"{capture['manifest']}, {count} recordings over {knobs}"
            return shown(told, LONGEST_SHOWN)
        files = [pair["target"]["file"] for pair in capture["pairs"]]
        more = f" and {len(files) - 1} more" * (len(files) > 1)
        return shown(f"{files[0]}{more}", LONGEST_SHOWN)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return "capture"
