"""What a report says, section by section; pictures and players are put in by scripts.

For a guitarist first: each section begins with what it is about and how to read it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxamp.core import parameter_count
from jaxamp.report import run_charts, verdict
from jaxamp.report.analysis.tones import LOWEST_RATE
from jaxamp.report.chart import Chart, facts, table
from jaxamp.report.checks import checks
from jaxamp.report.knobs.moves import Move
from jaxamp.report.knobs.moves import section as moves_section
from jaxamp.report.knobs.section import section as knob_section
from jaxamp.report.knobs.settings import measured_settings
from jaxamp.report.knobs.settings import section as settings_section
from jaxamp.report.knobs.tour import Tour
from jaxamp.report.page import text
from jaxamp.report.run_charts import BlockTime
from jaxamp.report.spectra import CAPTION, spectra
from jaxamp.report.subject import Clip, Heard, Subject, words
from jaxamp.stream.live.deadline import SHARE

SECTIONS = {
    "numbers": "In numbers",
    "listen": "Listen",
    "knobs": "Turn the knobs",
    "moves": "While a knob turns",
    "blind": "Blind listening",
    "waves": "Target and prediction, to the sample",
    "spectra": "Spectrograms",
    "levels": "Quiet and loud playing",
    "settings": "Setting by setting",
    "tones": "Overtones and aliasing",
    "curve": "What goes in and what comes out",
    "learning": "Learning",
    "speed": "Speed",
    "checks": "The recordings",
    "config": "Configuration and versions",
}
"""id -> title; those that have nothing to say are left out"""

LISTEN = """\
<p>The DI is the guitar as it was played, the target is the amp, the prediction is \
the model, and the difference is what it gets wrong. They are embedded without loss \
and run in step: switch while they play.</p>
<p>{length}{stood}</p>
<p id="trouble" role="alert" hidden></p>
<div id="player"></div>
<noscript><p>Players and charts need JavaScript; numbers and tables do without.</p>\
</noscript>
"""

BLIND = """\
<p>Who looks at numbers hears what they expect. Here the page keeps to itself which is \
which until you are done.</p>
<div id="blind-test"></div>
"""

WAVES = """\
<figure><div id="wave-view"></div>
<figcaption>Above, the model's thin line should lie on the amp's thick one: zoom in \
until you see single samples. Below is the difference, on the scale it names. Drag \
across to zoom in, double-click to see all; or use the buttons, or with a picture in \
focus the wheel or the keys + - 0 and the arrows. A click moves the place from which \
the players go on.</figcaption></figure>
"""


def body(
    subject: Subject,
    sound: Heard,
    clip: Clip,
    numbers: Mapping[str, float],
    charts: Mapping[str, Sequence[Chart]],
    notes: Sequence[str],
    times: Sequence[BlockTime] | None,
    turned: Tour | None = None,
    moved: Sequence[Move] = (),
) -> str:
    """The whole page's HTML.

    Args:
        charts: Those of each section.
        notes: Sentences that have to be said before all else.
        turned: What there is to hear of the model's knobs.
        moved: What was measured while they moved.
    """
    stood = standing(subject, sound)
    apart = measured_settings(subject.result)
    slow = f"<p>Tones are played to models of at least {LOWEST_RATE:,} Hz.</p>"
    content = {
        "numbers": numbers_table(subject, sound, numbers),
        "listen": LISTEN.format(
            length=text(length(clip, sound, subject)), stood=text(stood)
        ),
        "knobs": knob_section(turned, charts["knobs"]) if turned else "",
        "moves": moves_section(moved) if moved else "",
        "blind": BLIND,
        "waves": WAVES,
        "spectra": pictures(clip, subject),
        "levels": figures(charts["levels"]) or "<p>Too little was played to tell.</p>",
        "settings": settings_section(
            apart, subject.model.controls, charts["settings"][0]
        )
        if apart
        else "",
        "tones": paragraph(stood) + (figures(charts["tones"]) or slow),
        "curve": paragraph(stood) + figures(charts["curve"]),
        "learning": figures(charts["learning"])
        or "<p>Nothing is known of its training.</p>",
        "speed": figures(charts["speed"]) + in_time(times),
        "checks": checks(subject.findings),
        "config": settings(subject),
    }
    there = [name for name in SECTIONS if content[name]]
    sections = [section(name, content[name]) for name in there]
    return (
        head(subject, numbers, [*subject.notes, *notes], there)
        + f"<main>\n{''.join(sections)}</main>"
    )


def section(name: str, content: str) -> str:
    """A part of the page."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">\n'
        f'<h2 id="{name}-title">{SECTIONS[name]}</h2>\n{content}</section>\n'
    )


def standing(subject: Subject, sound: Heard) -> str:
    """Where the knobs stand in the clip; nothing of a model without knobs."""
    if sound.controls is None:
        return ""
    stood = words(subject.model.controls, sound.controls)
    others = subject.settings
    more = f" The recording has {others} settings; this is one." if others > 1 else ""
    return f" The model's knobs stand at {stood} here.{more}"


def paragraph(said: str) -> str:
    """A sentence of its own; nothing of none."""
    return f"<p>{text(said.strip())}</p>\n" if said else ""


def head(
    subject: Subject,
    numbers: Mapping[str, float],
    notes: Sequence[str],
    there: Sequence[str],
) -> str:
    """What was modelled, how good it is, and the way to everything else."""
    told = "".join(f'<p class="note">{text(note, 2_000)}</p>\n' for note in notes)
    links = "".join(
        f'<li><a href="#{name}">{SECTIONS[name]}</a></li>' for name in there
    )
    return (
        f"<header>\n<h1>A model of {text(subject.capture)}</h1>\n"
        f'<p class="lead">{text(verdict.headline(numbers["esr"]))} '
        f"{text(verdict.loudness(numbers['lufs_difference']))}</p>\n"
        f'<p class="note">{text(subject.name)} with '
        f"{parameter_count(subject.params):,} parameters. {text(verdict.scale())}</p>\n"
        f'{told}</header>\n<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
    )


def numbers_table(subject: Subject, sound: Heard, numbers: Mapping[str, float]) -> str:
    """The numbers that are asked for first, with what they mean."""
    model = subject.model
    seconds = sound.target.size / model.sample_rate
    folded = [value for name, value in numbers.items() if name.startswith("asr_")]
    rows = [
        ("ESR", f"{numbers['esr']:.4g}", "energy of the mistake over energy of the "
         f"amp's sound, over {seconds:.1f} s: 0 is perfect, 1 as wrong as silence"),
        ("ESR, treble raised", told(numbers, "esr_pre_emphasised", "{:.4g}"),
         "the same with high notes counted more"),
        ("MRSTFT", told(numbers, "mrstft", "{:.3g}"),
         "how far the spectra lie apart; 0 is perfect"),
        ("Loudness", told(numbers, "lufs_difference", "{:+.2f} LU"),
         "of the model against the amp"),
        ("Aliasing", f"{run_charts.ratio(max(folded)):.0f} dB" if folded else "-",
         "folded overtones against true ones, the worst of three tones"),
        ("Parameters", f"{parameter_count(subject.params):,}", "numbers it learned"),
        ("Multiply-adds", f"{model.macs_per_sample:,}", "for each sample"),
        ("Sample rate", f"{model.sample_rate:,} Hz", "of the model and its recordings"),
        *training_rows(subject.result),
    ]  # fmt: skip
    made = table(("number", "value", "what it is"), rows, "The numbers asked for first")
    return made.replace("<table>", '<table class="numbers">')


def told(numbers: Mapping[str, float], name: str, words: str) -> str:
    """A number in words, or a dash."""
    return words.format(numbers[name]) if name in numbers else "-"


def training_rows(result: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """How long it was trained, and how fast it plays, as the run wrote it down."""
    rows = []
    train = result.get("train")
    if isinstance(train, Mapping) and isinstance(train.get("steps"), int):
        seconds = train.get("seconds")
        took = f"in {seconds / 60:.1f} minutes" if isinstance(seconds, float) else ""
        rows.append(("Training", f"{train['steps']:,} steps", took))
    factor = result.get("realtime_factor")
    if isinstance(factor, float):
        where = f"in blocks of 64, after training, on {result.get('device')}"
        rows.append(("Speed", f"{factor:.3g} times real time", where))
    return rows


def length(clip: Clip, sound: Heard, subject: Subject) -> str:
    """How much of the recording the page holds, and how wrong the model is there."""
    rate = subject.model.sample_rate
    size, whole = clip["target"].size, sound.target.size
    what = (
        "all there is to compare with"
        if size == whole
        else f"of {whole / rate:.1f} s: around the loudest moment, with a quiet one"
    )
    wrong, heard = (
        float(np.sum(np.square(clip[name], dtype=np.float64)))
        for name in ("difference", "target")
    )
    return (
        f"The clip has {size / rate:.1f} s, {what}. Its own ESR is "
        f"{wrong / max(heard, 1e-30):.4g}."
    )


def pictures(clip: Clip, subject: Subject) -> str:
    """The spectrograms and how to read them."""
    shown = {name: clip[name] for name in ("target", "prediction", "difference")}
    drawn = spectra(shown, subject.model.sample_rate, "target")
    return (
        f'<div class="beside">{drawn}</div><p class="faint">{text(CAPTION, 2_000)}</p>'
    )


def figures(charts: Sequence[Chart]) -> str:
    """Charts beside one another as far as there is room; nothing of none."""
    if not charts:
        return ""
    return f'<div class="beside">{"".join(one.html() for one in charts)}</div>\n'


def in_time(times: Sequence[BlockTime] | None) -> str:
    """A sentence about the blocks that come too late."""
    if not times:
        return "<p>Not measured, as asked for.</p>"
    missed = [str(one.block) for one in times if one.p99 > one.allowed]
    share = f"{100 * SHARE:.0f} % of the time that they last"
    if not missed:
        return f"<p>Here, 99 of 100 blocks of every length took at most {share}.</p>"
    return (
        f"<p>Blocks of {text(', '.join(missed))} samples took more than {share} here, "
        "more than once in a hundred times: they would not do for playing live. If "
        "the machine was busy with something else, write the page again when it is "
        "not.</p>"
    )


def settings(subject: Subject) -> str:
    """What was asked for, and what it was made with."""
    model, versions = subject.model, subject.result.get("versions")
    rows = {
        "Architecture": model.architecture,
        **({"Knobs": ", ".join(model.controls)} if model.controls else {}),
        "Folder or file": subject.place,
        "Receptive field": f"{model.receptive_field:,} samples, "
        f"{1000 * model.receptive_field / model.sample_rate:.1f} ms",
        "Trained on": str(subject.result.get("device", "not known")),
    }
    if isinstance(versions, Mapping):
        named = {str(name): str(version) for name, version in versions.items()}
        rows |= dict([*named.items()][:MOST_VERSIONS])
    made = facts(rows, "The model and what made it")
    if not subject.config:
        return made
    lines = "\n".join(text(line, 1_000) for line in subject.config.splitlines())
    return (
        f"{made}<details><summary>The whole configuration</summary>"
        '<pre tabindex="0" role="group" aria-label="The whole configuration">'
        f"{lines}</pre></details>\n"
    )


MOST_VERSIONS = 20
"""Told of a run, which may be a stranger's."""
