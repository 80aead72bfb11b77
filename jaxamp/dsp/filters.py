"""Short filters that shape what a loss listens to."""

from typing import TypeVar

Signal = TypeVar("Signal")


def pre_emphasis(x: Signal, coefficient: float | None) -> Signal:
    """Tilts a signal towards its treble, where the ear is picky and energy is scarce.

    `y[n] = x[n] - coefficient * x[n - 1]` along the last axis. The first sample has
    no known neighbour and is dropped: a window cut from a longer signal would
    otherwise start with a click. `None` leaves the signal as it is.

    Shapes:
        x `[..., t]` -> y `[..., t - 1]`, or `[..., t]` for `None`.

    Source:
        Damskaegg et al. 2019, ICASSP (0.95); Wright and Valimaki 2020, ICASSP (0.85).
    """
    if coefficient is None:
        return x
    return x[..., 1:] - coefficient * x[..., :-1]  # type: ignore[index]
