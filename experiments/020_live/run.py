"""Does playing live lose nothing, keep the time, and sound like the file?

jackd with its dummy driver is the sound card. A file is played into `jaxamp live` and
what comes back is compared, sample by sample, with what `jaxamp reamp` makes of it.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
import sound_card
import soundfile
from omegaconf import OmegaConf

from jaxamp.cli.config import build, conf_folder
from jaxamp.data.demo import packaged_di
from jaxamp.formats import write
from jaxamp.stream.live.urgent import urgent

RATE = 48_000
MODELS = {"A1 nano": "wavenet/nano", "LSTM 1x16": "lstm/1x16"}
CASES = {
    "A1 nano": (["A1 nano"], False),
    "LSTM 1x16": (["LSTM 1x16"], False),
    "A1 nano, cabinet": (["A1 nano"], True),
    "switching": (["A1 nano", "LSTM 1x16"], True),
}
"""name -> the models that are loaded, and whether they go through a cabinet"""

KEYS = "2b1bi2i1+-"
"""Pressed in turn, one each half second, where models are switched."""

CONNECTED_SECONDS = 1.5
"""After the start; connecting cables is a dropout of JACK's own, in silence."""

LONGEST_LAG = 8192


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--block", type=int, default=128)
    parser.add_argument("--period", type=int, help="of JACK; as the block by default")
    parser.add_argument("--cases", nargs="+", default=["A1 nano", "LSTM 1x16"])
    parser.add_argument("--output", type=Path, help="JSON; rows of a case are replaced")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        audio = guitar(round(60 * given.minutes * RATE))
        soundfile.write(room / "dry.wav", audio, RATE, subtype="FLOAT")
        cabinet = room / "cabinet.wav"
        soundfile.write(cabinet, response(), RATE, subtype="FLOAT")
        with sound_card.server(RATE, given.period or given.block) as server:
            trip = round_trip(server, room, given.block)
            print(f"round trip {trip}", flush=True)
            for name in given.cases:
                models, through = CASES[name]
                files = [made(MODELS[model], room) for model in models]
                options = ["--ir", str(cabinet)] if through else []
                row = play(server, room, audio, files, options, given.block)
                row = {
                    "case": name,
                    "period": given.period or given.block,
                    "round_trip": trip,
                    **row,
                }
                print(json.dumps(row), flush=True)
                if given.output:
                    keep(given.output, row)


def guitar(length):
    """The packaged phrases over and over, with a hiss that never repeats."""
    phrases = packaged_di()
    audio = np.resize(phrases, length).astype(np.float32)
    hiss = np.random.default_rng(20).standard_normal(length, dtype=np.float32)
    return 0.5 * audio + np.float32(1e-4) * hiss


def response():
    """Half a second of a decaying noise, as a long cabinet; quieter than 1 in all."""
    noise = np.random.default_rng(21).standard_normal(RATE // 2)
    decaying = noise * np.exp(-np.arange(RATE // 2) / 2000)
    return (0.5 * decaying / np.abs(np.fft.rfft(decaying)).max()).astype(np.float32)


def made(config, room):
    """A model of the project as a file, its parameters drawn from one seed."""
    file = room / f"{config.replace('/', '_')}.nam"
    if not file.exists():
        path = conf_folder() / f"model/{config}.yaml"
        node = OmegaConf.to_container(OmegaConf.load(path))
        model = build(node, "model", sample_rate=RATE)
        write(file, model, model.init(jax.random.key(20)), metadata={})
    return file


def jaxamp(*arguments, **options):
    """The command, in a process of its own."""
    command = [sys.executable, "-m", "jaxamp", *map(str, arguments)]
    return subprocess.Popen(command, text=True, **options)


def round_trip(server, room, block):
    """What `--measure` finds with a cable from output to input."""
    file = room / "trip.json"
    process = jaxamp("live", "--measure", "--block", block, "--json", file)
    cable = sound_card.jack.Client("cable", servername=server, no_start_server=True)
    ends = f"{sound_card.LIVE}:out_0", f"{sound_card.LIVE}:in_0"
    sound_card.connect(cable, *ends)
    assert process.wait() == 0
    cable.close()
    return json.loads(file.read_text())


def play(server, room, audio, files, options, block):
    """One row: what was lost, how long blocks took, how far the sound is off."""
    figures = room / "figures.json"
    seconds = len(audio) / RATE + 6  # what is played last has to come back
    master, slave = os.openpty()
    process = jaxamp(
        "live", *files, "--block", block, "--seconds", seconds, "--json", figures,
        *options, stdin=slave, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    loads, memory = [], []
    gc.disable()
    with (
        sound_card.Card(server, audio) as card,
        urgent(),
        stood_still(room) as stalls,
    ):
        card.plug()
        if len(files) > 1:
            threading.Thread(target=press, args=(master, process), daemon=True).start()
        while process.poll() is None:
            loads.append(os.getloadavg()[0])
            memory.append(resident(process.pid))
            time.sleep(1)
    gc.enable()
    os.close(slave)
    os.close(master)
    assert process.returncode == 0
    found = json.loads(figures.read_text())
    found["models"] = [Path(name).name for name in found["models"]]
    found["load_average"] = [round(v, 2) for v in np.quantile(loads, [0, 0.5, 1])]
    found["resident_mib"] = [round(v) for v in memory[5 :: max(1, len(memory) // 10)]]
    found["machine_stalls_ms"] = sorted(round(ms, 1) for _, ms in stalls)[::-1][:20]
    found["machine_stalls_over_1_ms"] = sum(ms > 1 for _, ms in stalls)
    found["jack_xruns"] = card.xruns
    early = [at for at in found["dropouts_at_seconds"] if at < CONNECTED_SECONDS]
    found["dropouts_while_connecting"] = len(early)
    found["dropouts"] -= len(early)
    if len(files) == 1:
        wet = room / "wet.wav"
        assert jaxamp("reamp", files[0], room / "dry.wav", wet, *options).wait() == 0
        expected = soundfile.read(wet, dtype="float32")[0]
        found["against_reamp"] = compared(card.heard[: card.at], expected)
    return found


@contextmanager
def stood_still(room):
    """A list of when the machine stood still and for how many ms, filled at the end."""
    file, stalls = room / "stalls.json", []
    end = Path(f"{file}.end")
    end.unlink(missing_ok=True)
    program = Path(__file__).with_name("stalls.py")
    process = subprocess.Popen([sys.executable, program, file])
    try:
        yield stalls
    finally:
        end.touch()
        process.wait()
        stalls += json.loads(file.read_text())


def press(terminal, process):
    """Keys, as long as it plays."""
    turn = 0
    while process.poll() is None:
        os.write(terminal, KEYS[turn % len(KEYS)].encode())
        turn += 1
        time.sleep(0.5)


def resident(pid):
    """MiB of memory that a process holds."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def compared(heard, expected):
    """How far what came back is from the file, once the lag is taken out."""
    part = slice(0, 10 * RATE)
    size = 1 << (10 * RATE + LONGEST_LAG).bit_length()
    spectra = [np.fft.rfft(x[part] - x[part].mean(), size) for x in (heard, expected)]
    likeness = np.fft.irfft(spectra[0] * spectra[1].conj(), size)[:LONGEST_LAG]
    lag = int(np.argmax(likeness))
    y, x = heard[lag:], expected[: len(heard) - lag]
    off = y.astype(np.float64) - x
    wrong = np.flatnonzero(np.abs(off) > 1e-6)
    return {
        "samples": len(x),
        "lag": lag,
        "largest": float(np.abs(off).max()),
        "esr": float(np.sum(off**2) / np.sum(x.astype(np.float64) ** 2)),
        "rms_of_expected": float(np.sqrt(np.mean(x.astype(np.float64) ** 2))),
        "bit_identical": bool(not off.any()),
        "samples_off_by_more_than_1e-6": len(wrong),
    }


def keep(file, row):
    """Adds a row to the file, in place of an earlier one of the case."""
    rows = json.loads(file.read_text()) if file.is_file() else []
    same = [(one["case"], one["period"]) for one in rows]
    asked = row["case"], row["period"]
    rows = [one for one, known in zip(rows, same, strict=True) if known != asked]
    rows.append(row)
    file.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
