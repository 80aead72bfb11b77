"""ESR of models against a teacher: as they are, and with lag and level taken out.

python experiments/013_distillation/matched.py TEACHER INPUT.wav MODEL…
"""

import sys
from pathlib import Path

import numpy as np

import jaxamp
from jaxamp.data import read_audio
from jaxamp.evaluate import lag


def main(teacher: str, input: str, *models: str) -> None:
    """Prints a row for each model."""
    x = read_audio(input).samples
    target = played(teacher, x)
    print("model  ESR  lag  gain_db  ESR_matched")
    for model in models:
        y = played(model, x)
        late = lag(y, target)
        a, b = (y[: y.size - late], target[late:]) if late >= 0 else (
            y[-late:], target[:late],
        )  # fmt: skip
        gain = np.sum(a * b) / np.sum(a * a)
        row = (esr(y, target), late, 20 * np.log10(abs(gain)), esr(gain * a, b))
        print(Path(model).stem, *(f"{value:.3g}" for value in row))


def played(model: str, x: np.ndarray) -> np.ndarray:
    """The whole input through a model, in double precision."""
    return jaxamp.process(*jaxamp.load(model), x).astype(np.float64)


def esr(prediction: np.ndarray, target: np.ndarray) -> float:
    """Energy of the error over that of the target, over all samples."""
    return float(np.sum((prediction - target) ** 2) / np.sum(target**2))


if __name__ == "__main__":
    main(*sys.argv[1:])
