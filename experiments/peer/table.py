"""Prints held-out ESR against steps, jaxamp beside the peer, from results/.

python experiments/peer/table.py
"""

import json
from pathlib import Path

BUDGETS = ("310", "434", "620", "930", "1240")


def main():
    folder = Path(__file__).parent / "results"
    names = sorted(
        {file.stem.rsplit("_seed", 1)[0] for file in folder.glob("jaxamp_*.json")}
    )
    print("| model | trainer | seeds | " + " | ".join(BUDGETS) + " |")
    print("|---|---|---|" + "---|" * len(BUDGETS))
    for name in (name.removeprefix("jaxamp_") for name in names):
        print(row(name, "jaxamp", sorted(folder.glob(f"jaxamp_{name}_seed*.json"))))
        print(row(name, "peer", sorted(folder.glob(f"{name}_seed*.json"))))


def row(name, trainer, files):
    """One line: the mean over seeds at each budget."""
    runs = [json.loads(file.read_text())["esr"] for file in files]
    runs = [esr for esr in runs if set(BUDGETS) <= esr.keys()]
    means = [sum(esr[b] for esr in runs) / len(runs) for b in BUDGETS if runs]
    cells = " | ".join(f"{mean:.4f}" for mean in means)
    return f"| {name} | {trainer} | {len(runs)} | {cells} |"


if __name__ == "__main__":
    main()
