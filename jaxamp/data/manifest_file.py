"""A manifest: which recording was made with the knobs where, in YAML or CSV.

YAML has `knobs` (`{gain: {range: [0, 10]}, …}`), `recordings` (a list of `{input,
target, knobs: {gain: 7, …}}`), and beside them whatever all recordings share. CSV has a
recording a line; a header such as `gain 0..10` makes a column a knob and says how far
it goes. Values are those on the amp's face; here they become 0 to 1.

A file from a stranger may be anything: it is bounded before it is parsed, and parsed
into plain values only.
"""

import csv
import dataclasses
import difflib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jaxamp.core import ConfigError
from jaxamp.core.cloud import fetched, is_url
from jaxamp.core.shown import shown
from jaxamp.core.small_files import small_text
from jaxamp.data.manifest import Entry, Knob, Manifest, setting_words

LARGEST_MANIFEST = 1 << 19
"""Bytes; a recording takes about a hundred. YAML is read at about 100,000 a second."""


MOST_RECORDINGS = 2000


MOST_KNOBS = 32


DEEPEST = 8
"""Lists and mappings inside one another; a manifest has 4."""


LARGEST_NUMBER = 1e9


LONGEST_NAME = 40
"""Characters of a knob's."""


LONGEST_SHOWN = 80
"""Characters of a manifest's own words in a message."""


SHARED = ("input", "delay", "start_seconds", "target_start_seconds", "seconds")
"""Keys that may stand at the top, for all recordings that do not say otherwise."""


KEYS = (*SHARED, "target", "knobs", "name", "validation")


TOP = (*SHARED, "knobs", "recordings")


FILES = ("input", "target")


HEADER = re.compile(r"\s*(.+?)\s+(-?\d+(?:\.\d+)?)\s*\.\.\s*(-?\d+(?:\.\d+)?)\s*")
"""Of a CSV's knob: `gain 0..10`."""


YES, NO = ("true", "yes", "1", "x"), ("false", "no", "0", "")
"""What the validation column of a CSV may hold."""


def read_manifest(path: str) -> Manifest:
    """Reads a manifest; files in it are named relative to it.

    Raises:
        ConfigError: It is not there, is no manifest, or something in it cannot be.
    """
    file = fetched(path)
    name = shown(Path(path).name, LONGEST_SHOWN)
    try:
        text = small_text(file, LARGEST_MANIFEST)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"The manifest {shown(path)} cannot be read: {reason}. Give a YAML or CSV "
            "file that lists the recordings; `jaxamp plan` writes one."
        ) from error
    above = str(path).rpartition("/")[0] if is_url(path) else str(file.parent)
    suffix = file.suffix.lower()
    if suffix == ".csv":
        return _Reading(name, above).csv(text)
    if suffix in (".yaml", ".yml", ".json"):
        return _Reading(name, above).yaml(text)
    raise ConfigError(
        f"{name} is no manifest by its name: give a .yaml, .json or .csv file."
    )


@dataclasses.dataclass(frozen=True)
class _Reading:
    file: str
    above: str
    """The folder, or the URL, that relative names count from."""

    # --- YAML ------------------------------------------------------------------------

    def yaml(self, text: str) -> Manifest:
        root = self.mapping(self.parsed(text), "the manifest")
        self.known(root, TOP, "the manifest")
        knobs = self.knobs(root.get("knobs"))
        listed = root.get("recordings")
        if not isinstance(listed, list) or not listed:
            raise self.wrong(
                "recordings must be a list of {input: FILE, target: FILE, knobs: "
                f"{{{knobs[0].name}: VALUE, …}}}}"
            )
        shared = {key: root[key] for key in SHARED if key in root}
        rows = []
        for i, one in enumerate(listed):
            where = f"recording {i + 1}"
            row = self.mapping(one, where)
            self.known(row, KEYS, where)
            turned = self.mapping(row.get("knobs"), f"knobs of {where}")
            rows.append((where, {**shared, **row}, turned))
        return self.manifest(knobs, rows)

    def parsed(self, text: str) -> Any:
        try:
            depth = 0
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                opens = isinstance(event, yaml.CollectionStartEvent)
                depth += opens - isinstance(event, yaml.CollectionEndEvent)
                if depth > DEEPEST:
                    raise self.wrong(f"it is nested more than {DEEPEST} levels deep")
                if isinstance(event, yaml.AliasEvent):
                    raise self.wrong("it repeats by reference (*name); write it out")
            return yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            said = " ".join(str(error).split())[:200]
            raise self.wrong(f"it is no YAML ({said})") from error

    def knobs(self, given: Any) -> tuple[Knob, ...]:
        named = self.mapping(given, "knobs")
        if not named:
            raise self.wrong(
                "knobs must name the amp's knobs, {gain: {range: [0, 10]}}"
            )
        made = []
        for name, about in named.items():
            facts = about if isinstance(about, Mapping) else {}
            ends: Any = facts.get("range")
            two = isinstance(ends, list) and len(ends) == 2
            if not two or set(facts) != {"range"}:
                raise self.wrong(
                    f"knob {self.word(name)} must say how far it goes on the amp's "
                    "face, for example {range: [0, 10]}"
                )
            made.append(self.knob(name, ends[0], ends[1]))
        return self.checked(made)

    # --- CSV -------------------------------------------------------------------------

    def csv(self, text: str) -> Manifest:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            header, *rows = csv.reader(io.StringIO("\n".join(lines)), strict=True)
        except (csv.Error, ValueError) as error:
            raise self.wrong(f"it is no CSV with a header ({error})") from error
        header = [cell.strip() for cell in header]
        knobs = dict(self.columns(header))
        made = []
        for i, row in enumerate(rows):
            where = f"line {i + 2}"
            if len(row) != len(header):
                raise self.wrong(
                    f"{where} has {len(row)} values, its header {len(header)}: "
                    f"{', '.join(map(self.word, header))}"
                )
            cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
            given = {
                key: self.cell(key, cells[key], where)
                for key in header
                if key not in knobs and cells[key]
            }
            turned = {
                knob.name: self.number(cells[key], f"{knob.name} of {where}")
                for key, knob in knobs.items()
                if cells[key]
            }
            made.append((where, given, turned))
        return self.manifest(self.checked([*knobs.values()]), made)

    def columns(self, header: Sequence[str]) -> Iterator[tuple[str, Knob]]:
        plain = [key for key in KEYS if key != "knobs"]
        if len(set(header)) < len(header):
            raise self.wrong("two of its columns have the same header")
        for cell in header:
            found = HEADER.fullmatch(cell)
            if found:
                yield cell, self.knob(found[1], float(found[2]), float(found[3]))
            elif cell not in plain:
                raise self.wrong(
                    f"column {self.word(cell)} is not known.{near(cell, plain)} "
                    f"Columns are {', '.join(plain)}; a knob's header says how far it "
                    "goes, for example 'gain 0..10'"
                )

    def cell(self, key: str, text: str, where: str) -> Any:
        if key in ("input", "target", "name"):
            return text
        if key == "validation":
            if text.lower() not in (*YES, *NO):
                raise self.wrong(
                    f"validation of {where} is {self.word(text)}; write true or false"
                )
            return text.lower() in YES
        number = self.number(text, f"{key} of {where}")
        return int(number) if key == "delay" and number.is_integer() else number

    def number(self, text: str, where: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise self.wrong(f"{where} is {self.word(text)}, and no number") from None

    # --- both ------------------------------------------------------------------------

    def manifest(
        self,
        knobs: tuple[Knob, ...],
        rows: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]],
    ) -> Manifest:
        if not rows:
            raise self.wrong("it lists no recordings")
        if len(rows) > MOST_RECORDINGS:
            raise self.wrong(
                f"it lists {len(rows)} recordings; at most {MOST_RECORDINGS} are read"
            )
        entries = tuple(self.entry(knobs, *row) for row in rows)
        self.refuse_twice(entries)
        return Manifest(self.file, knobs, entries)

    def entry(
        self,
        knobs: tuple[Knob, ...],
        where: str,
        row: Mapping[str, Any],
        turned: Mapping[str, Any],
    ) -> Entry:
        values = self.values(knobs, where, turned)
        files = {key: self.path(row.get(key), key, where) for key in FILES}
        delay, name = row.get("delay"), row.get("name")
        if delay is not None and (
            isinstance(delay, bool) or not isinstance(delay, int)
        ):
            raise self.wrong(
                f"delay of {where} is {self.word(delay)}; give whole samples, or leave "
                "it away to have it measured"
            )
        if name is not None and not isinstance(name, str | int | float):
            raise self.wrong(f"name of {where} must be a word")
        apart = row.get("validation", False)
        if not isinstance(apart, bool):
            raise self.wrong(f"validation of {where} must be true or false")
        words = setting_words([knob.name for knob in knobs], values)
        return Entry(
            name=words if name is None else shown(str(name), LONGEST_SHOWN),
            values=values,
            delay=delay,
            start_seconds=self.seconds(row, "start_seconds", where) or 0.0,
            target_start_seconds=self.seconds(row, "target_start_seconds", where),
            seconds=self.seconds(row, "seconds", where),
            validation=apart,
            **files,
        )

    def values(
        self, knobs: tuple[Knob, ...], where: str, turned: Mapping[str, Any]
    ) -> tuple[float, ...]:
        names = [knob.name for knob in knobs]
        for name in turned:
            if name not in names:
                raise self.wrong(
                    f"{where} turns {self.word(name)}, which is no knob of this amp."
                    f"{near(str(name), names)} Its knobs are {', '.join(names)}"
                )
        missing = [name for name in names if turned.get(name) is None]
        if missing:
            raise self.wrong(
                f"{where} does not say where {', '.join(missing)} stood; every "
                f"recording says so of {', '.join(names)}"
            )
        for knob in knobs:
            value = turned[knob.name]
            if not is_number(value) or not knob.low <= value <= knob.high:
                raise self.wrong(
                    f"{where} has {knob.name} at {self.word(value)}, outside its range "
                    f"of {knob.low:g} to {knob.high:g}"
                )
        return tuple(float(turned[name]) for name in names)

    def refuse_twice(self, entries: Sequence[Entry]) -> None:
        known: dict[Any, int] = {}
        for i, one in enumerate(entries):
            key = one.target, one.target_start_seconds, one.start_seconds
            if key in known:
                other = entries[known[key]]
                same = other.values == one.values
                raise self.wrong(
                    f"recordings {known[key] + 1} and {i + 1} are the same part of "
                    f"{shown(Path(one.target).name, LONGEST_SHOWN)}"
                    + (
                        "; list it once"
                        if same
                        else f", said to be {other.name} and {one.name}; it can be of "
                        "one setting only"
                    )
                )
            known[key] = i

    def knob(self, name: Any, low: Any, high: Any) -> Knob:
        if not is_knob_name(name):
            raise self.wrong(f"{self.word(name)} is no name for a knob")
        if not (is_number(low) and is_number(high) and low < high):
            raise self.wrong(
                f"knob {name} goes from {self.word(low)} to {self.word(high)}; give "
                "two numbers, the lower first"
            )
        return Knob(name, float(low), float(high))

    def checked(self, knobs: Sequence[Knob]) -> tuple[Knob, ...]:
        if len({knob.name for knob in knobs}) < len(knobs):
            raise self.wrong("two knobs have the same name")
        if not knobs:
            raise self.wrong(
                "no column is a knob; its header says how far it goes, for example "
                "'gain 0..10'"
            )
        if len(knobs) > MOST_KNOBS:
            raise self.wrong(
                f"it has {len(knobs)} knobs; at most {MOST_KNOBS} are read"
            )
        return tuple(knobs)

    def path(self, value: Any, key: str, where: str) -> str:
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise self.wrong(f"{where} has no {key}: name the file")
        if is_url(value) or Path(value).is_absolute():
            return value
        return f"{self.above}/{value}" if is_url(self.above) else self.local(value)

    def local(self, value: str) -> str:
        return str(Path(self.above) / value)

    def seconds(self, row: Mapping[str, Any], key: str, where: str) -> float | None:
        value = row.get(key)
        if value is None:
            return None
        if not is_number(value) or value < 0 or (key == "seconds" and value == 0):
            raise self.wrong(f"{key} of {where} is {self.word(value)}, and no length")
        return float(value)

    def mapping(self, value: Any, where: str) -> Mapping[Any, Any]:
        if not isinstance(value, Mapping):
            raise self.wrong(
                f"{where} must be keys with values, not {self.word(value)}"
            )
        return value

    def known(self, given: Mapping[Any, Any], keys: Sequence[str], where: str) -> None:
        for key in given:
            if key not in keys:
                raise self.wrong(
                    f"{where} has the key {self.word(key)}, which is not known."
                    f"{near(str(key), keys)} Keys are {', '.join(keys)}"
                )

    def word(self, value: Any) -> str:
        return shown(repr(value), LONGEST_SHOWN)

    def wrong(self, what: str) -> ConfigError:
        return ConfigError(f"{self.file}: {what}.")


def near(word: str, known: Sequence[str]) -> str:
    """' Did you mean …?', or nothing."""
    close = difflib.get_close_matches(word, known, 1)
    return f" Did you mean {close[0]}?" if close else ""


def is_knob_name(name: Any) -> bool:
    """Whether a knob may be called so: short, printable, clear to a command line."""
    plain = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME
    return plain and name.isprintable() and not {"=", ","} & {*name}


def is_number(value: Any) -> bool:
    """Whether a value is a finite number and not merely true or false."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and abs(value) < LARGEST_NUMBER  # of which NaN is none
