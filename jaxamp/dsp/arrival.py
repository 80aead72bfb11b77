"""The delay as the playing itself shows it, where there are no blips.

Every short frame of both files is whitened by linear prediction, so that what is left
of the input at sample n could not be foreseen: the recording cannot know it before the
delay has passed. The lag from which it does know is the arrival.
"""

import functools
from collections.abc import Iterator

import numpy as np
import scipy  # imports its parts when they are first used

from jaxamp.core import CaptureError
from jaxamp.dsp.align import Delay, align, crossing

_FRAME = 8192
_COARSE_FRAME = 32_768
_ORDER = 64
_FLOOR_ORDER = 24
_LONGEST = 240
_COARSE_LONGEST = 60
_CHUNK = 128
_CERTAIN = 8.0
_STANDS_OUT = 6.0
_NO_CHANCE = 10.0  # a few lags reach 7 where nothing answers
_PHASES = 16
_EARLY = 0.25  # of the phases' onsets: the lowest alone would be of chance
_AT_ONCE = 40.0
_FADES = 0.6  # of the band, from where on
_SIDELOBE = 0.03  # of the peak: imperfect whitening leaves traces up to here


def from_signals(
    x: np.ndarray, y: np.ndarray, sample_rate: int, search: tuple[int, int]
) -> Delay:
    """The lag from which the target knows what in the input could not be foreseen.

    Raises:
        CaptureError: The pair is too short, or no lag stands out.
    """
    near, rough = _neighbourhood(x, y, sample_rate, search, _coarse_frame(x, search))
    arrival, fine = _arrival(x, y, sample_rate, near)
    confidence = max(rough, fine)
    if confidence < _CERTAIN:
        raise CaptureError(
            f"No delay between {search[0]} and {search[1]} samples "
            f"({1000 * search[0] / sample_rate:.0f} to "
            f"{1000 * search[1] / sample_rate:.0f} ms) makes the target answer the "
            f"input: the best guess stands {confidence:.1f} times above chance, "
            f"{_CERTAIN:.0f} are needed. Check that both files are of the same take "
            "and start together within that time, or state the delay in samples."
        )
    samples = round(arrival)
    polarity = _polarity(x, y, max(0, samples), sample_rate)
    return Delay(samples, float(arrival), polarity, float(confidence), "signals")


def neighbourhood(
    x: np.ndarray, y: np.ndarray, sample_rate: int, search: tuple[int, int]
) -> int:
    """The lag in samples near which the target answers best, though not first."""
    frame = _coarse_frame(x, search)
    return _neighbourhood(x, y, sample_rate, search, frame)[0]


def neighbourhood_and_height(
    x: np.ndarray, y: np.ndarray, search: tuple[int, int]
) -> tuple[int, float]:
    """The lag near which the target answers best, and how far it rises above chance.

    Raises:
        CaptureError: The pair is too short.
    """
    return _neighbourhood(x, y, 48_000, search, _coarse_frame(x, search))


def _coarse_frame(x: np.ndarray, search: tuple[int, int]) -> int:
    length = len(x)
    reach = 3 * max(abs(search[0]), abs(search[1]))
    frame = min(_COARSE_FRAME, _power_of_two(length // 2))
    frame = max(frame, min(_power_of_two(2 * reach) // 2, _power_of_two(length)))
    if length < 4096 or frame < 2048:
        raise CaptureError(
            f"The pair is {length} samples long, too short to measure a delay in. "
            "Give at least a second of playing, or state the delay in samples."
        )
    return frame


def _neighbourhood(
    x: np.ndarray,
    y: np.ndarray,
    sample_rate: int,
    search: tuple[int, int],
    frame: int,
) -> tuple[int, float]:
    """The lag at which whitened input and target agree best, anywhere in the window."""
    starts = loudest(x, y, frame, _COARSE_LONGEST * sample_rate)
    lags = np.arange(max(search[0], 1 - frame), min(search[1], frame - 1) + 1)
    size = np.abs(heard(x, y, starts, frame)[lags])
    best = int(np.argmax(size))
    return int(lags[best]), float(size[best] / (1.4826 * np.median(size) + 1e-12))


def _arrival(
    x: np.ndarray, y: np.ndarray, sample_rate: int, near: int
) -> tuple[float, float]:
    """First arrival around the lag `near`, and its height above the floor.

    Frames are short here, so that prediction follows the notes. The floor before the
    arrival is coloured; predicting it from its own past as well lowers it tenfold.

    An amp computed at the recording's own rate may answer at once, at a whole sample.
    Any other begins somewhere between samples, and where moves what is seen of its rise
    by up to four of them. So the answer is looked at as if it came some parts of a
    sample later, without the highest frequencies, which would ring, and an early one of
    the places found counts.
    """
    x, y = align(x, y, near)
    frame = min(_FRAME, _power_of_two(len(x) // 4))
    reach, guard = frame // 4, frame // 16
    starts = loudest(x, y, frame, _LONGEST * sample_rate)
    answers = later(heard(x, y, starts, frame), _PHASES)[:, np.arange(-reach, reach)]
    quiet = slice(_FLOOR_ORDER, reach - guard)
    predictors = _predictors(answers[:, : reach - guard], _FLOOR_ORDER, 1e-6)
    surprises = [
        scipy.signal.lfilter(predictor, [1.0], answer)
        for answer, predictor in zip(answers, predictors, strict=True)
    ]
    place, step, height = _onset(surprises[0], quiet, guard)
    if step < _AT_ONCE:
        smooth = [np.convolve(one, smoothing(), "same") for one in surprises]
        found = np.array([_onset(one, quiet, guard) for one in smooth])
        places = found[:, 0] - np.arange(_PHASES) / _PHASES
        place, height = float(np.quantile(places, _EARLY)), max(height, found[0, 2])
    return place - guard + near, height


@functools.cache
def smoothing() -> np.ndarray:
    """A filter that lets the highest frequencies fade, and so rings little."""
    size, half = 1024, 24
    band = np.linspace(0, 1, size // 2 + 1)
    fading = 0.5 + 0.5 * np.cos(np.pi * np.clip((band - _FADES) / (1 - _FADES), 0, 1))
    middle = np.fft.fftshift(np.fft.irfft(fading, size))
    return middle[size // 2 - half : size // 2 + half + 1]


def later(answer: np.ndarray, phases: int) -> np.ndarray:
    """The cyclic answer `[n]` later by 0, 1 / phases, 2 / phases … `[phases, n]`."""
    turn = np.pi * np.linspace(0, 1, len(answer) // 2 + 1)
    shifted = np.exp(-1j * turn * np.arange(phases)[:, None] / phases)
    return np.fft.irfft(np.fft.rfft(answer) * shifted, len(answer), axis=1)


def _onset(
    surprise: np.ndarray, quiet: slice, guard: int
) -> tuple[float, float, float]:
    """Walks back from the first strong lag to the first that stands out.

    Args:
        quiet: Lags without an answer, which tell the floor.
        guard: How many lags before the middle an answer may begin.

    Returns:
        The place, counted from the first of these, how many times higher it is than
        the lag before it, and how far the peak rises above the floor.

    What lies below the floor is extrapolated down to -54 dB of the peak, the level
    at which a blip is detected: as steeply as the last step seen, and at least
    11 dB a sample, the rise of the converters' filters. Measured on five amps of
    known delay, this is within one sample; without it two to four too late. A first
    step of 32 dB or more is taken for an arrival without such a rise.
    """
    surprise = np.abs(surprise)
    floor = np.sqrt(np.mean(surprise[quiet] ** 2)) + 1e-12
    surprise = surprise / max(floor, 1.4826 * float(np.median(surprise[quiet])))
    surprise = surprise[len(surprise) // 2 - guard :]
    peak = float(surprise.max())
    threshold = max(_STANDS_OUT, _SIDELOBE * peak)
    strong = max(threshold, 0.35 * peak, min(_NO_CHANCE, peak))
    place = int(np.argmax(surprise >= strong))
    while True:
        earlier = np.flatnonzero(surprise[max(0, place - 16) : place] > threshold)
        if not len(earlier):
            break
        place = max(0, place - 16) + int(earlier[0])
    if place == 0:
        return 0.0, 1.0, peak
    step = surprise[place] / max(surprise[place - 1], 1.0)
    if step >= _AT_ONCE:
        return float(place), float(step), peak
    unseen = np.log(max(1.0, 500 * threshold / peak)) / np.log(max(3.5, step))
    return crossing(surprise, place, threshold) - unseen, float(step), peak


def heard(x: np.ndarray, y: np.ndarray, starts: np.ndarray, frame: int) -> np.ndarray:
    """Correlation of whitened target with whitened input; index = lag, cyclic."""
    size = 2 * frame
    if not len(starts):
        return np.zeros(size)
    cross = np.zeros(frame + 1, np.complex128)
    power = np.zeros(frame + 1)
    for chunk in _chunks(starts):
        index = chunk[:, None] + np.arange(frame)
        of_input = np.fft.rfft(_unforeseen(x[index]), size, axis=1)
        of_target = np.fft.rfft(_unforeseen(y[index]), size, axis=1)
        cross += np.einsum("kf,kf->f", of_input.conj(), of_target)
        power += np.einsum("kf,kf->f", of_input.conj(), of_input).real
    # Frames are predicted through a window and clipped, which leaves a little colour
    # that would blur the arrival; what all frames share is predicted once more.
    predictor = _levinson(np.fft.irfft(power, size)[None, : _ORDER + 1])[0]
    return np.fft.irfft(cross * np.fft.rfft(predictor, size).conj(), size)


def _chunks(starts: np.ndarray) -> Iterator[np.ndarray]:
    for begin in range(0, len(starts), _CHUNK):
        yield starts[begin : begin + _CHUNK]


def loudest(x: np.ndarray, y: np.ndarray, frame: int, most: int) -> np.ndarray:
    """Where frames begin in which both play, the loudest when there are too many."""
    count = len(x) // frame
    energy = [
        np.einsum("kt,kt->k", *(2 * [z[: count * frame].reshape(count, frame)])) / frame
        for z in (x, y)
    ]
    playing = np.flatnonzero((energy[0] > 1e-10) & (energy[1] > 1e-12))
    order = np.argsort(-energy[1][playing])[: max(1, most // frame)]
    return np.sort(playing[order]) * frame


def _unforeseen(frames: np.ndarray) -> np.ndarray:
    """What a frame's own past does not predict, at equal loudness, outliers clipped."""
    length = frames.shape[1]
    predictors = _predictors(frames, _ORDER, 1e-9).astype(np.float32)
    # The first samples would hear the frame's end, the product being cyclic.
    rest = np.fft.irfft(
        np.fft.rfft(frames, axis=1) * np.fft.rfft(predictors, length, axis=1),
        length,
        axis=1,
    )[:, _ORDER:]
    return _levelled(rest)


def _levelled(rest: np.ndarray) -> np.ndarray:
    """Equal loudness everywhere within 256 samples, outliers clipped.

    Otherwise the attacks of notes, a few samples each, would outweigh all the rest
    and their coincidences would pass for an answer.
    """
    energy = np.cumsum(rest.astype(np.float64) ** 2, axis=1)
    width = min(256, rest.shape[1] // 4)
    local = (energy[:, width:] - energy[:, :-width]) / width
    before = width // 2
    local = np.pad(local, ((0, 0), (before, width - before)), mode="edge")
    mean = energy[:, -1:] / rest.shape[1]
    level = np.sqrt(local + 1e-4 * mean + 1e-24).astype(np.float32)
    return np.clip(rest / level, -4, 4)


def _predictors(frames: np.ndarray, order: int, whiteness: float) -> np.ndarray:
    """Prediction-error filters `[k, order + 1]` of Hann-windowed frames `[k, t]`."""
    length = frames.shape[1]
    window = np.hanning(length).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    r = np.fft.irfft(power.astype(np.float64), length, axis=1)[:, : order + 1]
    r[:, 0] = r[:, 0] * (1 + whiteness) + 1e-12
    return _levinson(r)


def _levinson(r: np.ndarray) -> np.ndarray:
    """Prediction-error filters `[k, order + 1]` from autocorrelations of that shape.

    Source:
        Levinson 1946, Durbin 1960; one row per frame, all frames at once.
    """
    order = r.shape[1] - 1
    filters = np.zeros((len(r), order + 1))
    filters[:, 0] = 1
    error = r[:, 0].copy()
    for i in range(1, order + 1):
        reflection = -np.einsum("ki,ki->k", filters[:, :i], r[:, i:0:-1]) / error
        filters[:, 1 : i + 1] += reflection[:, None] * filters[:, i - 1 :: -1][:, :i]
        error *= np.maximum(1 - reflection**2, 1e-12)
    return filters


def _polarity(x: np.ndarray, y: np.ndarray, samples: int, sample_rate: int) -> int:
    """Sign of the largest cross-correlation within 5 ms of the arrival."""
    x, y = align(x, y, samples)
    frame = min(_FRAME, _power_of_two(len(x)))
    size = 2 * frame
    spectrum = np.zeros(frame + 1, np.complex128)
    for chunk in _chunks(loudest(x, y, frame, _LONGEST * sample_rate)):
        index = chunk[:, None] + np.arange(frame)
        of_input = np.fft.rfft(x[index], size, axis=1)
        of_target = np.fft.rfft(y[index], size, axis=1)
        spectrum += np.einsum("kf,kf->f", of_input.conj(), of_target)
    near = np.fft.irfft(spectrum, size)[: max(8, sample_rate // 200)]
    return 1 if near[np.argmax(np.abs(near))] >= 0 else -1


def _power_of_two(value: int) -> int:
    """The largest power of two not above `value`."""
    return 1 << max(0, int(value).bit_length() - 1)
