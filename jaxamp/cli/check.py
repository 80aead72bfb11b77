"""`jaxamp check IN OUT`: looks for faults in a recording before it is trained on."""

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxamp.cli.channels import channel
from jaxamp.cli.folder import write_text
from jaxamp.core import ConfigError
from jaxamp.core.cloud import delivered

if TYPE_CHECKING:
    from jaxamp.data.audio import Audio
    from jaxamp.data.examine import Examination

UNUSABLE = 2
"""The exit status where training would be in vain."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        "jaxamp check",
        description=__doc__,
        epilog="Exit status: 0 the pair can be trained on, 2 it cannot.",
    )
    parser.add_argument("input", help="what was played into the amp")
    parser.add_argument("output", help="the recording of what came out")
    parser.add_argument("--delay", default="auto", help="samples, where it is known")
    parser.add_argument("--channel", help="of files with several: 0, 1, left, right")
    parser.add_argument("--trim", action="store_true", help="lengths may differ")
    parser.add_argument("--ignore", default="", help="fatal checks, a,b, to go on with")
    parser.add_argument("--json", help="file to write what was found to")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Checks; returns 0 where the pair can be trained on, else 2."""
    return check(parser().parse_args(arguments))


def check(given: argparse.Namespace) -> int:
    """Checks what the arguments name."""
    # Imported here, so that help and mistakes in the arguments come at once.
    from jaxamp.data.audio import read_audio  # noqa: PLC0415
    from jaxamp.data.checks import refuse_unknown_checks, refuses  # noqa: PLC0415
    from jaxamp.data.examine import examine  # noqa: PLC0415

    ignored = [name for name in given.ignore.split(",") if name]
    refuse_unknown_checks(ignored)
    wanted = delay(given.delay)
    x = read_audio(given.input, channel(given.channel))
    y = read_audio(given.output, channel(given.channel))
    found = examine(x, y, delay=wanted, trim=given.trim)
    fatal = [one for one in found.findings if refuses(one, ignored)]
    print(report(x, found, ignored, bool(fatal)))
    if given.json:
        record = {"usable": not fatal, "applied": found.applied}
        text = json.dumps(record | found.record(ignored), indent=2)
        with delivered(given.json) as file:
            write_text(file, text + "\n")
    return UNUSABLE if fatal else 0


def delay(given: str) -> int | str:
    """A delay as `examine` takes it."""
    try:
        return given if given == "auto" else int(given)
    except ValueError:
        raise ConfigError(
            f"--delay {given!r} must be auto or a number of samples."
        ) from None


def report(
    input: "Audio", found: "Examination", ignored: Sequence[str], unusable: bool
) -> str:
    """The measurements, the findings and the verdict, for people."""
    rows = measurements(input, found)
    width = max(map(len, rows))
    lines = [f"{name:<{width}}  {value}" for name, value in rows.items()]
    for one in found.findings:
        waived = " (ignored)" if one.check in ignored else ""
        lines.append(f"{one.severity}: {one.check}{waived}: {one.message}")
    warnings = sum(one.severity == "warning" for one in found.findings)
    verdict = "This can be trained on."
    if unusable:
        verdict = (
            "This cannot be trained on: put right what is fatal, or ignore it by name."
        )
    elif warnings:
        verdict = f"This can be trained on; {warnings} warnings say what would be lost."
    return "\n".join(["", *lines, "", verdict]).strip("\n")


def measurements(input: "Audio", found: "Examination") -> dict[str, str]:
    """What was measured, in words."""
    seconds = len(input.samples) / input.sample_rate
    known = found.layout.title if found.layout else "no known signal"
    rows = {"input": f"{known}, {seconds:.1f} s at {input.sample_rate} Hz"}
    for name, (key, words) in ROWS.items():
        told = found.measured.get(key) is not None
        rows[name] = words.format(**found.measured) if told else "not known"
    if found.measured.get("delay_method") == "given":
        rows["delay"] = f"{found.applied} samples, as given"
    if rows["noise floor"] != "not known" and not found.measured["hum_hz"]:
        rows["hum"] = "none"
    return rows


ROWS = {
    "delay": (
        "delay_samples",
        "{delay_samples} samples ({delay_ms:.2f} ms), by {delay_method}",
    ),
    "polarity": ("polarity", "{polarity:+d}"),
    "clock drift": (
        "drift_ppm",
        "{drift_ppm:.2f} ppm, {drift_samples:.1f} samples from end to end",
    ),
    "replicate ESR": ("replicate_esr", "{replicate_esr:.2g}"),
    "level": ("peak_dbfs", "peak {peak_dbfs:.1f} dBFS, RMS {rms_dbfs:.1f} dBFS"),
    "noise floor": ("noise_dbfs", "{noise_dbfs:.0f} dBFS"),
    "hum": ("hum_hz", "{hum_dbfs:.0f} dBFS, {hum_hz} Hz and multiples"),
    "shut off": ("shut_seconds", "for {shut_seconds:.1f} s while the input plays"),
    "length": ("longer_by_samples", "{longer_by_samples:+d} samples to the input's"),
}
"""name -> what has to be measured for it, and how it is said"""
