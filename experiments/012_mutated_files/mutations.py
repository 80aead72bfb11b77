"""Model files with something wrong in them: the same number gives the same file.

Half of the files are damaged as bytes, as a download or a disk does it; half keep their
grammar and are damaged in what they say, as a careless or hostile program does it.
"""

import copy
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

MOST_MUTATIONS = 4
"""In one file."""

LARGEST = 8 << 20
"""Bytes that a mutation may blow a file up to."""

LONG = 200
"""Lists longer than this hold weights, which are seldom worth looking at."""

MOST_FITTED = 2_000_000
"""Weights that a file is filled up to."""

DUPLICATE = "__again__"
"""Ends a key that loses this end once the file is text, so that it is there twice."""

ODD_VALUES: Sequence[Any] = (
    None, True, False, 0, -1, 1, 2, 3, 7, 1.5, -0.0, 1e-320, 1e300, float("nan"),
    float("inf"), 10**4, 10**6, 10**7, 10**9, 2**31, 2**53, 2**63, 10**30, -(10**12),
    "", "Tanh", "1", "ä" * 3, "x" * 5000, "\ud800", [], [[]], {}, [0], [1] * 300,
    [None], {"type": "ReLU"}, {"active": True}, [1.0, [2.0]], [{}] * 5,
)  # fmt: skip

FACTORS = (0, -1, 0.5, 2, 3, 10, 1000, 10**6, 10**9)


class Seeds:
    """The whole files of one format that all others are made from."""

    def __init__(self, files: Sequence[bytes]):
        self.files = files
        self.values = [value for value in map(parsed, files) if value is not None]
        self.keys = sorted({key for value in self.values for key in keys_of(value)})

    def mutated(self, random: random.Random) -> tuple[bytes, Any]:
        """A damaged file, and its JSON value where it still has one."""
        if not self.values or random.random() < 0.4:
            return self._bytes(random), None
        value = self._object(random)
        data = dumped(value)
        if random.random() < 0.1:
            return damaged(data, random, self.files), None
        return data, value

    def _bytes(self, random: random.Random) -> bytes:
        data = random.choice(self.files)
        for _ in range(random.randint(1, MOST_MUTATIONS)):
            data = damaged(data, random, self.files)
        return data

    def _object(self, random: random.Random) -> Any:
        root = {"root": copy.deepcopy(random.choice(self.values))}
        for _ in range(random.randint(1, MOST_MUTATIONS)):
            place = random_place(root, random)
            if place is not None:
                random.choice(OBJECT_MUTATIONS)(*place, random, self)
        return root["root"]


def parsed(data: bytes) -> Any:
    """The JSON value of a file, or None."""
    try:
        return json.loads(data)
    except ValueError:
        return None


def dumped(value: Any) -> bytes:
    """The file of a JSON value; what Python's parser takes beyond JSON is kept."""
    return json.dumps(value).replace(DUPLICATE, "").encode()[:LARGEST]


def fitted(value: Any, message: str) -> bytes | None:
    """The file with as many weights as its config asks for, by the refusal's words.

    Else hardly a config that was tampered with would be looked at to its end.
    """
    wanted = re.search(r"expected (\d+), got (\d+)", message)
    weights = value.get("weights") if isinstance(value, dict) else None
    if wanted is None or not isinstance(weights, list) or not weights:
        return None
    count = int(wanted[1])
    if not 0 < count <= MOST_FITTED:
        return None
    repeated = weights * (count // len(weights) + 1)
    return dumped({**value, "weights": repeated[:count]})


def keys_of(value: Any) -> set[str]:
    """Every key in a value."""
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return set()
    own = set(value) if isinstance(value, dict) else set()
    return own.union(*(keys_of(part) for part in inside))


def random_place(root: Any, random: random.Random) -> tuple[Any, Any] | None:
    """A container in a value, and a key or an index in it."""
    place, value = None, root
    while isinstance(value, dict | list) and value:
        key = random.choice(list(value) if isinstance(value, dict) else [0, -1])
        if isinstance(value, list) and (len(value) <= LONG or random.random() < 0.2):
            key = random.randrange(len(value))
        place, value = (value, key), value[key]
        if place[0] is not root and random.random() < 0.25:
            break
    return place


def some_value(random: random.Random, seeds: Seeds) -> Any:
    """A value from anywhere in any of the seeds."""
    place = random_place(random.choice(seeds.values), random)
    return copy.deepcopy(place[0][place[1]]) if place else None


def replace(within: Any, key: Any, random: random.Random, _: Seeds) -> None:
    within[key] = copy.deepcopy(random.choice(ODD_VALUES))


def transplant(within: Any, key: Any, random: random.Random, seeds: Seeds) -> None:
    within[key] = some_value(random, seeds)


def remove(within: Any, key: Any, _: random.Random, __: Seeds) -> None:
    del within[key]


def rename(within: Any, key: Any, random: random.Random, seeds: Seeds) -> None:
    if isinstance(within, dict):
        within[random.choice([*seeds.keys, "", "x" * 300])] = within.pop(key)


def add(within: Any, _: Any, random: random.Random, seeds: Seeds) -> None:
    odd = random.random() < 0.5
    value = copy.deepcopy(random.choice(ODD_VALUES)) if odd else None
    value = value if odd else some_value(random, seeds)
    if isinstance(within, dict):
        within[random.choice(seeds.keys)] = value
    else:
        within.insert(random.randint(0, len(within)), value)


def duplicate(within: Any, key: Any, random: random.Random, seeds: Seeds) -> None:
    if isinstance(within, dict):
        within[f"{key}{DUPLICATE}"] = some_value(random, seeds)
    else:
        within.append(within[key])


def lengthen(within: Any, key: Any, random: random.Random, _: Seeds) -> None:
    times = random.choice((2, 3, 30, 1000))
    if isinstance(within[key], list) and len(within[key]) * times < 400_000:
        within[key] = within[key] * times


def shorten(within: Any, key: Any, random: random.Random, _: Seeds) -> None:
    if isinstance(within[key], list):
        del within[key][random.randint(0, len(within[key])) :]


def scale(within: Any, key: Any, random: random.Random, _: Seeds) -> None:
    if isinstance(within[key], int | float):
        within[key] = within[key] * random.choice(FACTORS)


def scale_all(within: Any, _: Any, random: random.Random, __: Seeds) -> None:
    factor = random.choice(FACTORS)
    for key in range(len(within)) if isinstance(within, list) else list(within):
        if isinstance(within[key], int | float):
            within[key] = within[key] * factor


def retype(within: Any, key: Any, random: random.Random, _: Seeds) -> None:
    kinds = (str, lambda v: [v], lambda v: {"value": v}, lambda v: float(len(str(v))))
    within[key] = random.choice(kinds)(within[key])


def bury(within: Any, key: Any, random: random.Random, _: Seeds) -> None:
    value = within[key]
    if isinstance(value, list) and len(value) > LONG:
        return
    for _ in range(random.choice((1, 5, 31, 40, 400))):
        value = [value] if random.random() < 0.5 else {"model": value}
    within[key] = value


def swap(within: Any, key: Any, random: random.Random, _: Seeds) -> None:
    other = random.choice(list(within) if isinstance(within, dict) else [0, -1])
    within[key], within[other] = within[other], within[key]


OBJECT_MUTATIONS: Sequence[Callable[[Any, Any, random.Random, Seeds], None]] = (
    replace, replace, transplant, remove, rename, add, duplicate, lengthen, shorten,
    scale, scale, scale_all, retype, bury, swap,
)  # fmt: skip


def damaged(data: bytes, random: random.Random, files: Sequence[bytes]) -> bytes:
    """The bytes with one accident."""
    start, end = sorted(random.choices(range(len(data) + 1), k=2))
    near = min(end, start + random.choice((1, 8, 500)))
    kind = random.randrange(7)
    if kind == 0:
        flipped = bytearray(data)
        for _ in range(random.choice((1, 3, 30)) if flipped else 0):
            flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
        return bytes(flipped)
    if kind == 1:
        inserted = random.randbytes(random.choice((1, 4, 2000)))
        return data[:start] + inserted + data[start:]
    if kind == 2:
        return data[:start] + data[near:]
    if kind == 3:
        return data[:start]
    if kind == 4:
        return data[:near] + data[start:]
    if kind == 5:
        return data[:start] + random.choice(files)[start:]
    punctuation = random.choice(b'{}[]",:-.e0 \n\\').to_bytes()
    times = random.choice((1, 1, 1, 2, 1000, 500_000))
    return (data[:start] + punctuation * times + data[start:])[:LARGEST]
