"""ESR against whatever a sweep varied, from the tables that `jaxamp compare` wrote.

uv run python experiments/against.py learning_rate OUT.png "250 steps=A.csv" …
"""

import csv
import re
import sys

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot
from matplotlib.ticker import LogLocator


def main():
    key, out, *tables = sys.argv[1:]
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for told in tables:
        title, _, file = told.rpartition("=")
        for name, points in sorted(curves(file, key).items()):
            values, esrs, halves = zip(*sorted(points), strict=True)
            label = f"{name}, {title}" if title else name
            axes.errorbar(values, esrs, halves, label=label, marker="o", capsize=3)
    axes.set(xscale="log", yscale="log", xlabel=key.replace("_", " "))
    axes.set_ylabel("validation ESR, 95 % interval of the mean")
    values = sorted({x for line in axes.lines for x in line.get_xdata()})
    axes.set_xticks(values, [f"{value:g}" for value in values], minor=False)
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, dpi=100)


def curves(file, key):
    """model -> (value, mean ESR, half of its interval) of each row that has the key."""
    found = {}
    with open(file, newline="") as table:
        for row in csv.DictReader(table):
            told = re.search(rf"\S*{key}=(\S+)", row["model"])
            if told:
                point = (float(told[1]), float(row["esr_mean"]), float(row["esr_ci95"]))
                found.setdefault(row["model"].split()[0], []).append(point)
    return found


if __name__ == "__main__":
    main()
