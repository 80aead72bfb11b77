"""At which knob settings to record an amp, so that few of them tell the most."""

import numpy as np

from jaxamp.core import ConfigError

CORNER_SHARE = 4
"""One setting of so many stands at the stops of all knobs."""

MOST_CORNERS = 1024
"""Corners that are looked at; an amp of more than ten knobs has more."""


def spread_settings(knobs: int, settings: int, seed: int) -> np.ndarray:
    """Settings that reach everywhere: corners first, then a Latin hypercube.

    Every fourth is a corner, where a model would otherwise have to guess beyond what
    it heard, each as far from the others as can be. The rest take as many places of
    each knob as there are settings, stop to stop, combined as evenly as can be.

    Shapes:
        `[settings, knobs]`, 0 to 1

    Raises:
        ConfigError: No knobs, or no settings.
    """
    refuse_none(knobs, settings)
    # of a single knob the hypercube has both ends
    chosen = spread_corners(knobs, settings // CORNER_SHARE if knobs > 1 else 0, seed)
    inside = latin_hypercube(knobs, settings - len(chosen), seed)
    return np.concatenate([chosen, inside])


def refuse_none(knobs: int, settings: int) -> None:
    """Raises ConfigError where there is nothing to spread."""
    for name, value in {"knobs": knobs, "settings": settings}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name}={value!r} must be a whole number of 1 or more.")


def spread_corners(knobs: int, count: int, seed: int) -> np.ndarray:
    """Corners of the box of all settings `[up to count, knobs]`, far from each other.

    The first has all knobs down, the second all knobs up.
    """
    if 2**knobs <= MOST_CORNERS:
        every = (np.arange(2**knobs)[:, None] >> np.arange(knobs)) & 1
    else:
        random = np.random.default_rng(seed)
        every = np.unique(random.integers(0, 2, (MOST_CORNERS, knobs)), axis=0)
    far, taken = np.sum(every, axis=1).astype(float), []
    far[far == 0] = np.inf  # begin there
    for _ in range(min(count, len(every))):
        taken.append(int(np.argmax(far)))
        apart = np.sum(every != every[taken[-1]], axis=1)
        far = np.minimum(far, apart)
    return every[taken].astype(np.float64).reshape(-1, knobs)


def latin_hypercube(
    knobs: int, settings: int, seed: int, *, anywhere: bool = False
) -> np.ndarray:
    """As many places of each knob as settings, from stop to stop `[settings, knobs]`.

    Args:
        anywhere: Each place is drawn out of its share of the knob's way, and not at
            equal steps, so that no other setting is met.

    Source:
        McKay, Beckman & Conover 1979; the discrepancy is lowered by exchanges.
    """
    from scipy.stats import qmc  # noqa: PLC0415 (slow to import)

    if settings < 2 and not anywhere:
        return np.full((settings, knobs), 0.5)
    sampler = qmc.LatinHypercube(
        knobs,
        scramble=anywhere,
        rng=np.random.default_rng(seed),
        optimization="random-cd" if min(knobs, settings) > 1 else None,
    )
    places = sampler.random(settings)
    return places if anywhere else (places * settings - 0.5) / (settings - 1)
