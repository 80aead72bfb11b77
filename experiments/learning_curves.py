"""Draws validation ESR against steps, from one or more `metrics.jsonl`.

python experiments/learning_curves.py OUT.png NAME=metrics.jsonl [NAME=… …]
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from jaxamp.train import read_lines


def main():
    output, *curves = sys.argv[1:]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        name, _, file = curve.partition("=")
        rows = read_lines(Path(file))
        points = [
            (row["step"], row["validation_esr"])
            for row in rows
            if "validation_esr" in row
        ]
        axes.loglog(*zip(*points, strict=True), label=name, lw=1.2)
    axes.set(xlabel="steps", ylabel="validation ESR")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main()
