"""What is wrong during moves is told apart from what is wrong after, and from steps."""

import numpy as np
import pytest
from tiny import RATE, noise

from jaxamp.dsp.moves import Way
from jaxamp.metrics import MoveScores, esr

BLOCK = 64
MOVES = [(RATE // 4, RATE // 2), (RATE, RATE + RATE // 8)]
LENGTH = 2 * RATE
FRAME = 240


def scored(prediction, target, cuts=(), moves=MOVES, block=BLOCK):
    scores = MoveScores(moves, RATE, block)
    for parts in zip(np.split(prediction, cuts), np.split(target, cuts), strict=True):
        scores.update(*parts)
    return scores.result()


def during(x):
    return np.concatenate([x[start:stop] for start, stop in MOVES])


def after(x):
    half = RATE // 2  # the second move begins as the first one's half second ends
    return np.concatenate([x[stop : stop + half] for _, stop in MOVES])


def sounding():
    t = np.arange(LENGTH) / RATE
    return np.sin(2 * np.pi * 220 * t)


def test_each_stretch_has_its_own_ratio_and_pieces_do_not_matter():
    y = noise(LENGTH).astype(float)
    wrong = y + noise(LENGTH, seed=1, level=0.02)
    wrong[MOVES[0][0] : MOVES[0][1]] += 0.1
    told = scored(wrong, y)
    assert told["esr_moving"] == pytest.approx(esr(during(wrong), during(y)))
    assert told["esr_after_moves"] == pytest.approx(esr(after(wrong), after(y)))
    rest = np.ones(LENGTH, bool)
    for (start, stop), tail in zip(MOVES, (RATE // 2, RATE // 2), strict=True):
        rest[start : stop + tail] = False
    assert told["esr_still"] == pytest.approx(esr(wrong[rest], y[rest]))
    cut = scored(wrong, y, cuts=[1, 1, 13_000, 13_001, 48_100, 90_007])
    assert cut == pytest.approx(told)


def test_without_moves_all_is_still():
    y = noise(1000)
    assert scored(0.5 * y, y, moves=[]) == pytest.approx({"esr_still": 0.25})


def test_a_click_in_a_move_is_the_worst_frame():
    y = sounding()
    wrong = y.copy()
    click = MOVES[0][0] // FRAME * FRAME + 3 * FRAME + 7
    wrong[click] += 0.5
    wrong[LENGTH - 100] += 5.0  # nothing moves there
    expected = 0.25 / FRAME / np.mean(y**2)
    told = scored(wrong, y)
    assert told["worst_frame_moving"] == pytest.approx(expected)
    assert scored(wrong, y, cuts=[click, click + 1])["worst_frame_moving"] == (
        pytest.approx(expected)
    )


@pytest.mark.parametrize("block", [1, 2, 64, 500])
def test_a_knob_that_is_turned_once_a_block_zips(block):
    """The truth turns with every sample; a gain of 0.3 to 1 as the knob goes."""
    way = Way([MOVES[0][0], MOVES[0][1]], [0.3, 1.0])
    knob = way.between(0, LENGTH).astype(float)
    y = knob * sounding()
    stepped = np.repeat(knob[::block], block)[:LENGTH] * sounding()
    smooth = (0.1 + 0.95 * knob) * sounding()
    moves = way.moves()
    good = scored(smooth, y, moves=moves, block=block)
    if block < 3:  # no sample is inside, or each is at an edge
        assert "zipper" not in good
        return
    assert good["zipper"] == pytest.approx(1, rel=0.3)
    assert scored(stepped, y, moves=moves, block=block)["zipper"] > 30
    assert scored(y, y, moves=moves, block=block)["zipper"] == 1
