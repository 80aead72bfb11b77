"""Does an hour of audio, block by block, stay what it is offline, in the same memory?

Each model plays the hour three times side by side, piece by piece: in blocks of 64, in
blocks of changing length, and in blocks of 64 by a player that takes over half way from
a state that was saved to bytes. All are compared with the offline result.
"""

import argparse
import io
import json
import os
import time
from pathlib import Path

import jax
import numpy as np
import sound
from omegaconf import OmegaConf

from jaxamp.cli.config import build, conf_folder
from jaxamp.core.compile_cache import use_compile_cache
from jaxamp.data.demo import packaged_di
from jaxamp.stream import ChangingPlayer, Player, play

MODELS = {
    "A1 nano": ("wavenet/nano", False),
    "A1 standard": ("wavenet/standard", False),
    "A2 full": ("wavenet/a2_full", False),
    "LSTM 1x16": ("lstm/1x16", False),
    "LSTM 1x16, no biases": ("lstm/1x16", True),
    "GRU 1x16": ("gru/1x16", False),
    "GRU 1x16, no biases": ("gru/1x16", True),
}
"""name -> configuration, and whether biases are set to zero, so that the state of a
quiet network dies away into the smallest numbers"""

CLOCKS = {"wall": time.perf_counter_ns, "cpu": time.process_time_ns}

BLOCK = 64
LONGEST = 4096
PRIMES = (2, 3, 5, 7, 61, 67, 127, 509, 521, 1021, 2039, 4093)
RESTORED_PIECES = 40
"""Pieces, 7 minutes, that the player which took over plays beside the other."""

LOOK_BLOCKS = 256
"""How often a state is looked at for numbers too small to be normal."""

SAVED_PIECES = 36
"""How often what was measured so far is written down."""

WARM_PIECES = 12
"""Pieces after which memory must not grow any more."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: what this process computed, whoever else is using the machine",
    )
    parser.add_argument("--results", type=Path, default=Path("soak.json"))
    given = parser.parse_args()
    use_compile_cache()
    Fixed.now = staticmethod(CLOCKS[given.clock])
    count = max(4, round(given.minutes * 60 * sound.RATE / sound.PIECE + 0.5))
    for name in given.models:
        for result in soak(name, count):
            append(given.results, result)
            print(name, result["pieces"], "of", count, "pieces", flush=True)


def soak(name, count):
    """Plays `count` pieces through a model in all ways; what was measured so far."""
    model, params = made(*MODELS[name])
    di = packaged_di()
    player = Player(model, params, block=BLOCK)
    changing = ChangingPlayer(model, params, longest=LONGEST)
    ways = {
        "blocks of 64": Fixed(player, player.silence()),
        "changing blocks": Changing(changing, changing.silence()),
    }
    offline = Offline(model, params, di, count)
    sums, memory, loads, spent = {}, [], [], 0.0
    for index in range(count):
        x = sound.piece(index, di)
        begin = time.monotonic()
        if index == count // 2:
            saved = to_bytes(ways["blocks of 64"].state)
            again = Player(model, params, block=BLOCK)
            ways["restored half way"] = Fixed(again, from_bytes(saved, again))
        expected = next(offline.pieces)
        lately = index < count // 2 + RESTORED_PIECES
        answers = {
            way: one.played(x, index)
            for way, one in ways.items()
            if lately or way != "restored half way"
        }
        for way, y in answers.items():
            sums.setdefault(way, Difference()).add(y, expected)
        if "restored half way" in answers:
            both = answers["restored half way"], answers["blocks of 64"]
            sums.setdefault("restored against not", Difference()).add(*both)
        memory.append(resident())
        loads.append(os.getloadavg()[0])
        spent += time.monotonic() - begin
        if index % SAVED_PIECES == SAVED_PIECES - 1 or index == count - 1:
            yield {
                "model": name,
                "pieces": index + 1,
                "seconds_of_audio": (index + 1) * sound.PIECE / sound.RATE,
                "seconds": round(spent),
                "load": [round(float(v), 1) for v in np.quantile(loads, [0, 0.5, 1])],
                "difference": {way: one.told() for way, one in sums.items()},
                "state_bytes": {way: size(one.state) for way, one in ways.items()},
                "state_bytes_at_first": {
                    "blocks of 64": size(player.silence()),
                    "changing blocks": size(changing.silence()),
                },
                "resident_mib": grown(memory),
                "microseconds": {way: one.times() for way, one in ways.items()},
                "smallest": {way: vars(one.smallest) for way, one in ways.items()},
            }


def made(config, bare):
    """A model of the project and parameters drawn from one seed."""
    node = OmegaConf.to_container(
        OmegaConf.load(conf_folder() / f"model/{config}.yaml")
    )
    model = build(node, "model", sample_rate=sound.RATE)
    params = model.init(jax.random.key(18))
    if bare:
        params = jax.tree_util.tree_map_with_path(without_bias, params)
    return model, params


def without_bias(path, leaf):
    return leaf * 0 if "bias" in jax.tree_util.keystr(path) else leaf


class Offline:
    """The offline result, a piece at a time, so that no memory is needed for the hour.

    `jaxamp.process` is this with one piece.
    """

    def __init__(self, model, params, di, count):
        heard = (sound.piece(i, di)[None, None] for i in range(count))
        self.pieces = regrouped(y[0, 0] for y in play(model, params, heard))


def regrouped(parts):
    """Parts joined to pieces."""
    room, used = np.empty(sound.PIECE, np.float32), 0
    for part in parts:
        taken = 0
        while taken < len(part):
            fits = min(len(part) - taken, sound.PIECE - used)
            room[used : used + fits] = part[taken : taken + fits]
            used, taken = used + fits, taken + fits
            if used == sound.PIECE:
                yield room
                used = 0


class Fixed:
    """Plays in blocks of 64, and keeps the time of each."""

    now = staticmethod(CLOCKS["wall"])

    def __init__(self, player, state):
        self.player, self.state = player, state
        self.clocks = {what: Clock() for what in ("all", *sound.KINDS)}
        self.smallest = Smallest()

    def played(self, x, index):
        answers = np.empty_like(x)
        of_kind = self.clocks[sound.kind(index)]
        for start in range(0, len(x), BLOCK):
            block = x[start : start + BLOCK]
            begin = self.now()
            y, self.state = self.player(block, self.state)
            answers[start : start + BLOCK] = y
            taken = self.now() - begin
            for clock in (self.clocks["all"], of_kind):
                clock.add(taken, BLOCK)
            if start // BLOCK % LOOK_BLOCKS == 0:
                self.smallest.look(self.state)
        return answers

    def times(self):
        return {what: clock.told() for what, clock in self.clocks.items()}


class Changing(Fixed):
    """Plays in blocks of 1 to 4096 samples, every fourth a prime."""

    def __init__(self, player, state):
        super().__init__(player, state)
        self.rng = np.random.default_rng(4096)
        self.lengths = set()
        self.of_size = {1 << i: Clock() for i in range(LONGEST.bit_length())}

    def played(self, x, index):
        answers, start = np.empty_like(x), 0
        of_kind = self.clocks[sound.kind(index)]
        while start < len(x):
            length = int(self.rng.integers(1, LONGEST + 1))
            if self.rng.integers(4) == 0:
                length = int(self.rng.choice(PRIMES))
            block = x[start : start + length]
            begin = self.now()
            y, self.state = self.player(block, self.state)
            answers[start : start + len(block)] = y
            taken = self.now() - begin
            of_size = self.of_size[1 << (len(block) - 1).bit_length()]
            for clock in (self.clocks["all"], of_kind, of_size):
                clock.add(taken, len(block))
            self.lengths.add(len(block))
            start += len(block)
        self.smallest.look(self.state)
        return answers

    def times(self):
        return {
            "a 64 samples": {
                what: clock.mean_of(BLOCK) for what, clock in self.clocks.items()
            },
            "different lengths": len(self.lengths),
            "a call of up to": {n: clock.told() for n, clock in self.of_size.items()},
        }


class Clock:
    """How long blocks took, as counts in steps of a tenth of a microsecond."""

    SLOTS = 100_000

    def __init__(self):
        # filled and not zeroed: memory must not be taken later
        self.counts = np.full(self.SLOTS, 0, np.int32)
        self.worst = self.total = self.samples = self.late = 0

    def add(self, nanoseconds, samples):
        self.counts[min(nanoseconds // 100, self.SLOTS - 1)] += 1
        self.worst = max(self.worst, nanoseconds)
        self.total += nanoseconds
        self.samples += samples
        self.late += nanoseconds * sound.RATE > samples * 1_000_000_000

    def mean_of(self, samples):
        return self.total / 1000 * samples / max(self.samples, 1)

    def told(self):
        """Quantiles in microseconds; late is what took longer than it sounds."""
        counted = np.cumsum(self.counts, dtype=np.int64)
        if not counted[-1]:
            return None
        at = {
            name: float(np.searchsorted(counted, share * counted[-1])) / 10
            for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        }
        blocks = int(counted[-1])
        return at | {"worst": self.worst / 1000, "blocks": blocks, "late": self.late}


class Smallest:
    """Whether a state holds numbers below the smallest normal one."""

    def __init__(self):
        self.denormal, self.least = 0, float("inf")

    def look(self, state):
        for leaf in jax.tree.leaves(state):
            values = np.abs(np.asarray(leaf))
            if values.dtype == np.float32:
                some = values[values > 0]
                self.denormal += int(np.sum(some < sound.SMALLEST_NORMAL))
                self.least = min(self.least, float(some.min(initial=np.inf)))


class Difference:
    """How far one signal is from another, summed up."""

    def __init__(self):
        self.largest, self.wrong, self.energy = 0.0, 0.0, 0.0
        self.samples, self.same = 0, True

    def add(self, y, expected):
        assert y.shape == expected.shape
        assert np.all(np.isfinite(expected))
        off = y.astype(np.float64) - expected
        self.largest = max(self.largest, float(np.abs(off).max()))
        self.wrong += float(np.sum(off**2))
        self.energy += float(np.sum(expected.astype(np.float64) ** 2))
        self.samples += len(y)
        self.same &= bool(np.array_equal(y, expected))

    def told(self):
        esr = self.wrong / self.energy if self.energy else None
        return {
            "largest": self.largest,
            "esr": esr,
            "rms_of_expected": (self.energy / self.samples) ** 0.5,
            "samples": self.samples,
            "bit_identical": self.same,
        }


def to_bytes(state):
    """A state as bytes: its arrays one after the other, without pickle."""
    file = io.BytesIO()
    for leaf in jax.tree.leaves(state):
        np.save(file, np.asarray(leaf), allow_pickle=False)
    return file.getvalue()


def from_bytes(saved, player):
    """The state again, in the structure of a player's own."""
    leaves, tree = jax.tree.flatten(player.silence())
    file = io.BytesIO(saved)
    read = [jax.numpy.array(np.load(file, allow_pickle=False)) for _ in leaves]
    return jax.tree.unflatten(tree, read)


def size(state):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(state))


def resident():
    """Bytes of memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def grown(memory):
    """Memory after each tenth of what was played, and the most from warm to the end."""
    mib = np.array(memory) / 2**20
    tenths = np.linspace(0, len(mib) - 1, 11).round().astype(int)
    return {
        "tenths": [round(float(mib[i]), 1) for i in tenths],
        "most when warm": round(float(mib[WARM_PIECES:].max(initial=0)), 1),
    }


def append(file, result):
    """Adds a result to the file, in place of an earlier one of the same model."""
    results = json.loads(file.read_text()) if file.is_file() else []
    results = [one for one in results if one["model"] != result["model"]] + [result]
    file.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
