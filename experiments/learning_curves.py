"""Draws validation ESR against steps for one or more run directories.

python experiments/learning_curves.py OUT.png RUN [RUN …]
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from jaxamp.train import read_lines


def main():
    output, *runs = sys.argv[1:]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for run in runs:
        rows = read_lines(Path(run) / "metrics.jsonl")
        points = [
            (row["step"], row["validation_esr"])
            for row in rows
            if "validation_esr" in row
        ]
        axes.loglog(*zip(*points, strict=True), label=Path(run).name, lw=1.2)
    axes.set(xlabel="steps", ylabel="validation ESR")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main()
