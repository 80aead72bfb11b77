"""Models beside one another: one row for each, averaged over its seeds.

Single runs differ by the seed alone as much as sizes do, so a row has the mean of all
runs that differ in nothing else, with a 95 % interval of that mean. Captures are never
mixed: each has rows, and a Pareto front, of its own.
"""

import csv
import dataclasses
import io
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import scipy  # imports its parts when they are first used

COLUMNS = (
    "model", "parameters", "macs_per_sample", "receptive_field_ms", "seeds", "esr_mean",
    "esr_ci95", "esr_best", "realtime_factor", "realtime_block", "mrstft", "aliasing",
    "receptive_field", "pareto_size", "pareto_speed", "capture",
)  # fmt: skip
"""Of `comparison.csv`, in order."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished run, as far as it is compared."""

    model: str
    """What the rows of its kind are called."""
    seed: int
    capture: str
    parameters: int
    macs_per_sample: int
    receptive_field: int
    sample_rate: int
    esr: float
    mrstft: float
    aliasing: float
    """Aliased over harmonic energy, mean over the probe frequencies."""
    realtime_factor: float
    realtime_block: int
    place: str = ""
    """Where it is, for people."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One model on one capture."""

    model: str
    capture: str
    parameters: int
    macs_per_sample: int
    receptive_field: int
    receptive_field_ms: float
    seeds: int
    esr_mean: float
    esr_ci95: float | None
    """Half the width of the interval; None of a single seed."""
    esr_best: float
    mrstft: float
    aliasing: float
    realtime_factor: float
    realtime_block: int
    pareto_size: bool = False
    """No other model of the capture is as good and smaller."""
    pareto_speed: bool = False
    """No other model of the capture is as good and faster."""
    runs: tuple[Run, ...] = ()
    """Those it is averaged over."""

    @property
    def best(self) -> Run:
        """The run of the lowest ESR."""
        return min(self.runs, key=lambda run: run.esr)


def rows(runs: Sequence[Run]) -> list[Row]:
    """One row for each model and capture, captures together, small models first."""
    kinds: dict[tuple[str, str], dict[int, Run]] = {}
    for run in runs:  # of a seed that was trained twice, the first counts
        kinds.setdefault((run.capture, run.model), {}).setdefault(run.seed, run)
    made = [row([*seeds.values()]) for seeds in kinds.values()]
    captures = dict.fromkeys(one.capture for one in made)
    return [
        marked
        for capture in captures
        for marked in with_fronts([one for one in made if one.capture == capture])
    ]


def row(runs: Sequence[Run]) -> Row:
    """The row of runs that differ in their seed alone."""
    first = runs[0]
    esrs = [run.esr for run in runs]
    return Row(
        model=first.model,
        capture=first.capture,
        parameters=first.parameters,
        macs_per_sample=first.macs_per_sample,
        receptive_field=first.receptive_field,
        receptive_field_ms=1000 * first.receptive_field / first.sample_rate,
        seeds=len(runs),
        esr_mean=statistics.fmean(esrs),
        esr_ci95=half_interval(esrs),
        esr_best=min(esrs),
        mrstft=statistics.fmean(run.mrstft for run in runs),
        aliasing=statistics.fmean(run.aliasing for run in runs),
        realtime_factor=statistics.median(run.realtime_factor for run in runs),
        realtime_block=first.realtime_block,
        runs=tuple(runs),
    )


def half_interval(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean, or None of a single value.

    Source:
        Student 1908: t of n - 1 degrees times the standard error.
    """
    if len(values) < 2:
        return None
    quantile = scipy.stats.t.ppf(0.975, len(values) - 1)
    return float(quantile * statistics.stdev(values) / len(values) ** 0.5)


def with_fronts(of_capture: Sequence[Row]) -> list[Row]:
    """The rows of one capture by size, the best of each size and speed marked."""

    def front(cost: Callable[[Row], float]) -> set[str]:
        return {
            one.model
            for one in of_capture
            if not any(beats(other, one, cost) for other in of_capture)
        }

    small, fast = front(lambda r: r.parameters), front(lambda r: -r.realtime_factor)
    marked = [
        dataclasses.replace(
            one, pareto_size=one.model in small, pareto_speed=one.model in fast
        )
        for one in of_capture
    ]
    return sorted(marked, key=lambda r: (r.parameters, r.model))


def beats(other: Row, one: Row, cost: Callable[[Row], float]) -> bool:
    """Whether a row is at least as good in both, and better in one."""
    theirs, mine = (cost(other), other.esr_mean), (cost(one), one.esr_mean)
    return theirs != mine and all(a <= b for a, b in zip(theirs, mine, strict=True))


def as_csv(of: Sequence[Row]) -> str:
    """The rows as a table for other programs; an unknown interval is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in of:
        writer.writerow({name: exact(getattr(one, name)) for name in COLUMNS})
    return out.getvalue()


FORMULA = ("=", "+", "-", "@")
"""What makes a spreadsheet compute a cell; no name of ours begins so."""


def exact(value: Any) -> str:
    """A value as programs read it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return f"{value:.8g}" if isinstance(value, float) else str(value)


HEADINGS: Mapping[str, Callable[[Row], str]] = {
    "model": lambda r: r.model,
    "parameters": lambda r: f"{r.parameters:,}",
    "MACs": lambda r: f"{r.macs_per_sample:,}",
    "field": lambda r: f"{r.receptive_field:,}",
    "ms": lambda r: f"{r.receptive_field_ms:.1f}",
    "seeds": lambda r: str(r.seeds),
    "ESR": lambda r: (
        f"{r.esr_mean:.4g}" + (f" ± {r.esr_ci95:.2g}" if r.esr_ci95 else "")
    ),
    "best": lambda r: f"{r.esr_best:.4g}",
    "MRSTFT": lambda r: f"{r.mrstft:.3g}",
    "aliasing": lambda r: f"{r.aliasing:.2g}",
    "real time": lambda r: f"{r.realtime_factor:.3g}x",
    "Pareto": lambda r: " ".join(["size"] * r.pareto_size + ["speed"] * r.pareto_speed),
}
"""heading -> a row's cell, for people"""

LEGEND = (
    "MACs: multiply-adds for one sample. field, ms: the receptive field. ESR: mean "
    "over the seeds ± the half-width of its 95 % interval. aliasing: aliased over "
    "harmonic energy. real time: seconds of audio played in a second. Pareto: no other "
    "model has a lower ESR and is as small, or as fast."
)
