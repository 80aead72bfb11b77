"""The sentence that says how good a model is."""

import math

import pytest

from jaxamp.report.verdict import WORDS, headline, loudness, scale, word


@pytest.mark.parametrize(
    ("esr", "said"),
    [
        (0.0123, "1.2% of the energy of the amp's sound (ESR 0.0123), so the mistake "
         "lies 19 dB below the amp itself: a fair likeness."),
        (0.00042, "0.042% of the energy of the amp's sound (ESR 0.00042), so the "
         "mistake lies 34 dB below the amp itself: very close."),
        (0.5, "50% of the energy of the amp's sound (ESR 0.5), so the mistake lies "
         "3 dB below the amp itself: hardly a likeness."),
        (4.0, "400% of the energy of the amp's sound (ESR 4), so the mistake lies "
         "6 dB above the amp itself: no likeness; silence would be less wrong."),
    ],
)  # fmt: skip
def test_the_number_is_said_with_what_it_means(esr, said):
    assert headline(esr) == f"What the model gets wrong has {said}"


def test_perfect_and_silent_are_said_too():
    assert headline(0.0) == "The model plays exactly what the amp plays (ESR 0)."
    assert "nothing to hold the model against" in headline(math.inf)


def test_each_word_holds_up_to_its_limit():
    for limit, said in WORDS:
        assert word(limit) == said
        assert f"{said} up to {limit:g}" in scale() or limit == math.inf


def test_loudness_is_said_to_a_tenth():
    assert loudness(0.04) == "The model is as loud as the amp, to a tenth of a decibel."
    assert loudness(-0.23) == "The model is 0.2 dB quieter than the amp."
    assert loudness(math.nan).endswith("cannot be told.")
    assert loudness(1.26) == "The model is 1.3 dB louder than the amp."
