"""What the sound in a page does, measured in a real browser."""

import json

import numpy as np
import pytest
from tiny import RATE, noise

from jaxamp.report.clips import clips
from jaxamp.report.listening import PLAYER, STYLES
from jaxamp.report.page import page

SECONDS = 1
LEAD = RATE // 50
"""Samples from asking to the first that is heard."""


@pytest.fixture(scope="module")
def audio():
    """Three clips of a second."""
    y = noise(SECONDS * RATE, level=0.1)
    p = 0.5 * y + noise(y.size, 1, 0.001)
    return {"target": y, "prediction": p, "difference": p - y}


@pytest.fixture(scope="module")
def player_file(audio, tmp_path_factory):
    """A page that holds them."""
    made = clips(audio, RATE, difference="difference")
    body = '<h1>A page</h1><div id="player"></div>'
    file = tmp_path_factory.mktemp("page") / "player.html"
    file.write_text(page("A page", body, {"clips": made}, PLAYER, STYLES))
    return file


@pytest.fixture
def opened(browser_page, player_file):
    """The page, its clips ready to play as `sound`."""
    browser_page.goto(player_file.as_uri())
    browser_page.evaluate(
        """async () => {
            globalThis.sound = await jaxamp.Sound.from(jaxamp.data.clips);
            jaxamp.player(document.getElementById("player"), sound);
        }"""
    )
    return browser_page


def until(page, expression):
    """Waits until something is true; a page forbids the way Playwright does it."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"{expression} never became true")


def rendered(page, seconds, actions, names=None):
    """What is heard, sample by sample, while things are done at given times.

    Args:
        actions: second -> JavaScript on `sound`; the browser stops the clock for it.
        names: Of a part whose switches dip; None is the sound itself.
    """
    listed = ", ".join(f"[{when}, () => {{ {act} }}]" for when, act in actions)
    heard = page.evaluate(
        f"""async () => {{
            let context = null;
            const make = (rate) =>
                (context ??= new OfflineAudioContext(1, {seconds} * rate, rate));
            const names = {json.dumps(names)};
            let sound = await jaxamp.Sound.from(jaxamp.data.clips, {{ context: make }});
            if (names) sound = sound.part(names, {{ dip: 0.04 }});
            make(sound.rate);
            for (const [when, act] of [{listed}])
                if (when === 0) act();
                else context.suspend(when).then(() => {{ act(); context.resume(); }});
            return Array.from((await context.startRendering()).getChannelData(0));
        }}"""
    )
    return np.array(heard)


def test_the_browser_decodes_a_clip_to_the_24th_bit(opened, audio):
    assert opened.evaluate("[sound.rate, sound.length, sound.note]") == [
        RATE, SECONDS * RATE, "",
    ]  # fmt: skip
    for name, samples in audio.items():
        heard = opened.evaluate("(name) => Array.from(sound.samples(name))", name)
        wanted = np.rint(samples.astype(float) * 2**23) / 2**23
        np.testing.assert_array_equal(heard, wanted)


def test_what_comes_out_is_the_clip_times_its_gain(opened, audio):
    heard = rendered(opened, 2, [[0, "sound.play('prediction')"]])
    gain = opened.evaluate("sound.level('prediction')")
    assert gain == pytest.approx(2.0, abs=0.01), "as loud as the target"
    wanted = np.concatenate([np.zeros(LEAD), gain * audio["prediction"]])
    np.testing.assert_allclose(heard[: wanted.size], wanted, atol=3e-7)
    assert not heard[wanted.size :].any(), "it ends where the clip ends"


def test_a_switch_leaves_no_gap_and_keeps_the_place(opened, audio):
    heard = rendered(
        opened, 1, [[0, "sound.play('target')"], [0.48, "sound.switchTo('prediction')"]]
    )
    gain = opened.evaluate("sound.level('prediction')")
    y, p = audio["target"][: RATE - LEAD], gain * audio["prediction"][: RATE - LEAD]
    heard, switch, fade = heard[LEAD:], round(0.48 * RATE) - LEAD, round(0.008 * RATE)
    np.testing.assert_allclose(heard[:switch], y[:switch], atol=3e-7)
    np.testing.assert_allclose(heard[switch + fade :], p[switch + fade :], atol=3e-7)
    share = np.arange(fade) / fade
    during = slice(switch, switch + fade)
    mixed = (1 - share) * y[during] + share * p[during]
    np.testing.assert_allclose(heard[during], mixed, atol=1e-4)  # ramps in float32


def test_a_region_repeats_without_a_gap(opened, audio):
    heard = rendered(
        opened, 2, [[0, "sound.region = [0.25, 0.5]; sound.play('target')"]]
    )
    piece = audio["target"][RATE // 4 : RATE // 2]
    wanted = np.tile(piece, 8)[: 2 * RATE - LEAD]
    begun = 400  # a loop that begins in the middle of a sound is faded in
    np.testing.assert_allclose(heard[LEAD:][begun:], wanted[begun:], atol=3e-7)


def test_a_blind_switch_to_the_same_clip_sounds_as_one_to_another_of_its_kind(opened):
    names = {"A": "target", "B": "target", "X": "target"}
    act = "sound.switchTo('%s')"
    other, same = (
        rendered(opened, 1, [[0, "sound.play('A')"], [0.4, act % name]], names)
        for name in ("X", "A")
    )
    np.testing.assert_allclose(other, same, atol=1e-7)
    middle = round((0.4 + 0.02) * RATE)
    assert np.max(np.abs(same[middle - 9 : middle + 9])) < 1e-3, "it dips to nothing"


def test_time_passes_only_while_it_plays(opened):
    assert opened.evaluate("[sound.playing, sound.position]") == [False, 0]
    opened.get_by_role("button", name="prediction").click()
    until(opened, "sound.position > 0.1")
    opened.keyboard.press("3")  # switches in place
    assert opened.evaluate("[sound.playing, sound.current]") == [True, "difference"]
    assert opened.evaluate("sound.position") > 0.1
    opened.keyboard.press(" ")
    first = opened.evaluate("[sound.playing, sound.position]")
    opened.wait_for_timeout(60)
    assert opened.evaluate("[sound.playing, sound.position]") == first
    assert first[0] is False


def test_the_louder_choice_says_by_how_much_and_does_it(opened):
    raised = opened.evaluate("sound.louderBy('difference')")
    quiet = opened.evaluate("sound.level('difference')")
    opened.get_by_label(f"difference louder by {raised} dB").check()
    loud = opened.evaluate("sound.level('difference')")
    assert 20 * np.log10(loud / quiet) == pytest.approx(raised)
    opened.get_by_label("Equally loud").uncheck()
    plain = opened.evaluate("[sound.level('target'), sound.level('prediction')]")
    assert plain[0] == plain[1]
