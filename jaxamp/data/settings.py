"""Settings of an amp's knobs: which are kept unseen, and what cannot be told apart.

Positions are 0 to 1, one row for each setting; no two rows are the same.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import ConfigError
from jaxamp.data.checks import Finding

TIED, NEARLY_TIED = 0.999, 0.8
"""Correlations from which two knobs cannot, or can hardly, be told apart."""

REACH = 0.1
"""How far from its end a knob may have stopped before that is worth a word."""

MOST_CORNERS_KNOBS = 8
MOST_LOOKED_AT = 300
"""Settings whose place among the others is computed, 2 ms each."""

MOST_NAMED = 6
"""Settings that a message lists."""


def kept_unseen(settings: np.ndarray, share: float, seed: int) -> list[int]:
    """Which settings are kept from training: a share of them, spread over the range.

    The first is drawn; each further one is the farthest from those before it, as long
    as there are any that lie between others. What alone holds a knob's lowest or
    highest value stays in training, and so do corners (every knob at its lowest or
    highest): beyond them a model could only guess.

    Shapes:
        settings `[n, k]` -> rows, in ascending order

    Raises:
        ConfigError: No setting can be spared.
    """
    wanted = max(1, round(share * len(settings)))
    low, high = settings.min(axis=0), settings.max(axis=0)
    moves = high > low
    inside = (settings > low) & (settings < high) & moves
    free = [i for i in range(len(settings)) if inside[i].any()]
    order = [int(i) for i in np.random.default_rng(seed).permutation(free)]
    amid = {i for i in order if surrounded(settings, i)}
    taken: list[int] = []
    while len(taken) < wanted:
        left = [i for i in order if i not in taken and reaches(settings, [*taken, i])]
        if not left:
            break
        best = [i for i in left if i in amid] or left
        taken.append(max(best, key=lambda i: apart(settings, i, taken)))
    if not taken:
        raise ConfigError(
            f"None of the {len(settings)} settings can be kept from training: each is "
            "a corner, or alone holds the end of a knob's range. Record more settings, "
            "name some with data.validation=[NAME, …], or judge on the end of each "
            "recording with data.validation_share=0."
        )
    return sorted(taken)


def surrounded(settings: np.ndarray, one: int) -> bool:
    """Whether a setting lies between the others; of very many, nobody looks."""
    rest = np.delete(settings, one, axis=0)
    return len(settings) <= MOST_LOOKED_AT and between(settings[one], rest)


def reaches(settings: np.ndarray, taken: Sequence[int]) -> bool:
    """Whether what is not taken goes as far in every knob as all together."""
    rest = np.delete(settings, list(taken), axis=0)
    if not len(rest):
        return False
    ends = [(part.min(axis=0), part.max(axis=0)) for part in (rest, settings)]
    return np.array_equal(ends[0], ends[1])


def apart(settings: np.ndarray, one: int, others: Sequence[int]) -> float:
    """How far a setting is from the nearest of others; 0 where there are none."""
    if not others:
        return 0.0
    distances = np.linalg.norm(settings[list(others)] - settings[one], axis=1)
    return float(distances.min())


def confounds(
    names: Sequence[str],
    train: np.ndarray,
    validation: np.ndarray,
    validation_names: Sequence[str],
) -> Iterator[Finding]:
    """What cannot be learned from these settings, or only guessed.

    Shapes:
        train, validation `[n, k]`
    """
    still = [i for i in range(len(names)) if np.ptp(train[:, i]) == 0]
    for i in still:
        yield Finding(
            "still_knob",
            f"Knob {names[i]} never moves: it stands at one value in every recording "
            "to train on, so what it does cannot be learned. Record it elsewhere too, "
            f"or leave it out with data.drop=[{names[i]}].",
        )
    moving = [i for i in range(len(names)) if i not in still]
    yield from tied(names, train, moving)
    yield from too_few(names, train, moving)
    yield from unreached(names, train, moving)
    yield from outside(train, validation, validation_names)


def tied(
    names: Sequence[str], train: np.ndarray, moving: Sequence[int]
) -> Iterator[Finding]:
    """Pairs of knobs that were turned together."""
    for place, i in enumerate(moving):
        for j in moving[place + 1 :]:
            r = float(np.corrcoef(train[:, i], train[:, j])[0, 1])
            both = f"Knobs {names[i]} and {names[j]}"
            if abs(r) > TIED:
                yield Finding(
                    "tied_knobs",
                    f"{both} always move together, so nobody can tell which of them "
                    "does what. Record settings in which only one of them moves, or "
                    f"leave one out with data.drop=[{names[j]}].",
                )
            elif abs(r) > NEARLY_TIED:
                yield Finding(
                    "tied_knobs",
                    f"{both} mostly move together (correlation {r:+.2f}), so what each "
                    "does is told by few recordings. Record some in which only one of "
                    "them moves.",
                    "warning",
                )


def too_few(
    names: Sequence[str], train: np.ndarray, moving: Sequence[int]
) -> Iterator[Finding]:
    """Fewer settings than a bend in each knob's effect needs."""
    least = 2 * len(moving) + 1
    if moving and len(train) < least:
        knobs = ", ".join(names[i] for i in moving)
        yield Finding(
            "few_settings",
            f"{len(train)} settings train {len(moving)} knobs ({knobs}); at least "
            f"{least} are expected, two for each knob and one more. `jaxamp plan` "
            "says which.",
            "warning",
        )


def unreached(
    names: Sequence[str], train: np.ndarray, moving: Sequence[int]
) -> Iterator[Finding]:
    """Ends and corners of the range that nobody recorded."""
    for i in moving:
        low, high = float(train[:, i].min()), float(train[:, i].max())
        if low > REACH or high < 1 - REACH:
            yield Finding(
                "knob_range",
                f"Knob {names[i]} was recorded from {100 * low:.0f} to "
                f"{100 * high:.0f} % of its range; beyond that a model only guesses.",
                "warning",
            )
    k = len(moving)
    if 2 <= k <= MOST_CORNERS_KNOBS:
        rows = train[:, list(moving)]
        there = rows[np.all((rows <= REACH) | (rows >= 1 - REACH), axis=1)] > 0.5
        corners = len(np.unique(there, axis=0))
        if corners < 2**k:
            yield Finding(
                "corners",
                f"Of the {2**k} corners, where every knob is fully up or down, "
                f"{corners} are among the settings to train on; towards the others a "
                "model is less certain.",
                "note",
            )


def outside(
    train: np.ndarray, validation: np.ndarray, names: Sequence[str]
) -> Iterator[Finding]:
    """Settings that validate and do not lie between those that train."""
    looked = zip(names[:MOST_LOOKED_AT], validation, strict=False)
    far = [name for name, one in looked if not between(one, train)]
    if far:
        more = f" and {len(far) - MOST_NAMED} more" * (len(far) > MOST_NAMED)
        yield Finding(
            "outside",
            f"Of the {len(names)} settings that validate, {len(far)} do not lie "
            f"between settings to train on ({'; '.join(far[:MOST_NAMED])}{more}): "
            "there the model is judged on what it guesses beyond its recordings.",
            "note",
        )


def between(one: np.ndarray, train: np.ndarray) -> bool:
    """Whether a setting is a weighted mean of others (lies in their convex hull)."""
    equations = np.vstack([train.T, np.ones(len(train))])
    found = scipy.optimize.linprog(
        np.zeros(len(train)), A_eq=equations, b_eq=np.append(one, 1.0), method="highs"
    )
    return bool(found.success)
