"""What the sound in a page does, measured in a real browser."""

import csv
import io
import json

import numpy as np
import pytest
import scipy
from tiny import RATE, noise

from jaxamp.report.clips import clips
from jaxamp.report.comparison import Run, rows
from jaxamp.report.comparison_page import comparison_page
from jaxamp.report.listening import BLIND, RATING, STYLES
from jaxamp.report.page import page
from jaxamp.report.rating import trial

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
    body = '<h1>A page</h1><div id="player"></div><div id="test"></div>'
    file = tmp_path_factory.mktemp("page") / "player.html"
    file.write_text(page("A page", body, {"clips": made}, BLIND, STYLES))
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


def test_a_blind_switch_to_x_sounds_as_one_to_the_clip_that_it_is(opened, audio):
    def switched(name, x):
        names = {"A": "target", "B": "prediction", "X": x}
        acts = [[0, "sound.play('A')"], [0.4, f"sound.switchTo('{name}')"]]
        return rendered(opened, 1, acts, names)

    same, other = switched("A", "target"), switched("B", "target")
    np.testing.assert_allclose(switched("X", "target"), same, atol=1e-7)
    np.testing.assert_allclose(switched("X", "prediction"), other, atol=1e-7)
    gain = opened.evaluate("sound.level('prediction')")
    unlike = np.max(np.abs(gain * audio["prediction"] - audio["target"]))
    assert 0 < np.max(np.abs(other - same)) <= unlike + 1e-6, "they dip alike"
    middle = round((0.4 + 0.02) * RATE)
    for heard in (same, other):
        assert np.max(np.abs(heard[middle - 9 : middle + 9])) < 1e-3, "to nothing"


def test_time_passes_only_while_it_plays(opened):
    assert opened.evaluate("[sound.playing, sound.position]") == [False, 0]
    opened.evaluate("sound.region = [0, sound.seconds]")  # a slow test outlasts it
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


def test_a_browser_that_refuses_the_rate_plays_and_says_that_it_resamples(opened):
    opened.evaluate(
        """() => {
            const Real = AudioContext;
            globalThis.AudioContext = function (options) {
                if (options?.sampleRate) throw new DOMException("no such rate");
                return new Real({ sampleRate: 22050 });
            };
        }"""
    )
    opened.get_by_role("button", name="Play").click()
    until(opened, "sound.position > 0.1")
    note = opened.locator("#player .note")
    assert "resampled from 48000 Hz" in note.inner_text()


def test_clips_decoded_at_another_rate_are_as_long_as_they_are(opened):
    found = opened.evaluate(
        """async () => {
            const Real = OfflineAudioContext;
            let refused = false;
            globalThis.OfflineAudioContext = function (channels, length) {
                if (refused) return new Real(channels, length, 24000);
                refused = true;
                throw new DOMException("no such rate");
            };
            const other = await jaxamp.Sound.from(jaxamp.data.clips);
            return [other.rate, other.length, other.seconds, other.note];
        }"""
    )
    assert found[:3] == [RATE // 2, SECONDS * RATE // 2, SECONDS]
    assert "resampled" in found[3]


# --- blind listening ------------------------------------------------------------------

ABOUT = {"model": "wavenet/nano", "capture": "amp.wav", "version": "1.2.3"}


@pytest.fixture
def blind(opened):
    """The page with the blind test, and what it plays kept for the test alone."""
    opened.evaluate(
        """(about) => {
            globalThis.played = [];
            const play = jaxamp.Sound.prototype.play;
            jaxamp.Sound.prototype.play = function (name) {
                played.push(name);
                return play.call(this, name);
            };
            const clips = { amp: "target", model: "prediction", about };
            jaxamp.listening(document.getElementById("test"), sound, clips);
        }""",
        ABOUT,
    )
    return opened


def draw(page, truths):
    """Makes the browser's coin fall so that X, or the amp, is these in turn."""
    bits = [int(truth == "A") for truth in truths]
    page.evaluate(
        """(bits) => {
            crypto.getRandomValues = (into) => { into[0] = bits.shift(); return into; };
        }""",
        bits,
    )


def begin(page, kind, trials):
    page.get_by_role("radio", name=kind).check()
    page.get_by_label("Trials").fill(str(trials))
    page.get_by_role("button", name="Start the test").focus()
    page.keyboard.press("Enter")


def settled(page):
    """Waits until what is new in the page has its size and is drawn."""
    for _ in range(2):
        page.evaluate("new Promise(requestAnimationFrame)")


def saved(page, form):
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save as {form}").press("Enter")
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        return download.value.suggested_filename, file.read()


def said(page):
    return page.locator("#test [role=status]").inner_text()


def test_abx_by_keyboard_alone_ends_in_files_that_hold_it_all(blind):
    truths, answers = "ABBABABA" + "AB", "ABBABABB" + "AB"
    draw(blind, truths)
    begin(blind, "ABX", 10)
    blind.keyboard.press("[")  # a loop of the listener's choice
    for before, answer in enumerate(answers):
        state = "Nothing has been played yet." if before else "Listen, then answer."
        assert said(blind).endswith(f"Trial {before + 1} of 10. {state}")
        blind.keyboard.press(answer.replace("A", "1").replace("B", "2"))
        assert "Listen to X before you answer" in said(blind)
        for key in "axb":
            blind.keyboard.press(key)
        blind.keyboard.press("ArrowLeft" if answer == "A" else "ArrowRight")
    assert "9 of 10 right" in blind.locator("#test").inner_text()
    name, text = saved(blind, "JSON")
    record = json.loads(text)
    assert name.startswith("abx_wavenet_nano_20")
    assert name.endswith(".json")
    assert record["finished"] is True
    assert [t["truth"] for t in record["trials"]] == list(truths)
    assert [t["answer"] for t in record["trials"]] == list(answers)
    assert record["correct"] == 9
    assert record["p_value"] == pytest.approx(
        scipy.stats.binomtest(9, 10, alternative="greater").pvalue
    )
    assert ABOUT.items() <= record.items()
    assert record["gains"]["model"] == pytest.approx(2.0, abs=0.01)
    assert record["level_match"] == "ITU-R BS.1770, over the whole clip"
    assert record["trials"][0]["region"] == [0, 1]
    assert record["trials"][3]["heard"] == {"A": 1, "X": 1, "B": 1}
    assert blind.get_by_role("rowheader").count() == 10
    _, text = saved(blind, "CSV")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["correct"] for row in rows] == [
        str(t == a).lower() for t, a in zip(truths, answers, strict=True)
    ]
    kinds = {"A": "amp", "B": "model"}
    assert blind.evaluate("played") == [
        clip for truth in truths for clip in ("amp", kinds[truth], "model")
    ]


@pytest.mark.parametrize("kind", ["ABX", "Which one is the amp?"])
def test_nothing_in_the_page_tells_the_answer_before_the_end(blind, kind):
    here = "{ get: () => 0.05 }"  # pictures show where it plays, which time moves on
    blind.evaluate(
        f"void Object.defineProperty(jaxamp.Sound.prototype, 'position', {here})"
    )
    seen = []
    for truth in "AB":
        draw(blind, truth * 9)
        begin(blind, kind, 9)
        settled(blind)
        shots = []
        for _ in range(2):
            for key in ("a", "b", "x", " ", "1"):
                blind.keyboard.press(key)
                shots.append(blind.locator("body").evaluate("(body) => body.outerHTML"))
                shots.append(
                    blind.locator("#test canvas").evaluate("(c) => c.toDataURL()")
                )
        seen.append(shots)
        for _ in range(2):
            blind.keyboard.press("Escape")
        assert "Not finished" in said(blind)
        assert json.loads(saved(blind, "JSON")[1])["p_value"] is None
        blind.get_by_role("button", name="Another test").click()
    assert seen[0] == seen[1]


def test_the_guess_says_what_it_means_and_how_much_it_would_miss(blind):
    draw(blind, "ABABAB")
    begin(blind, "Which one is the amp?", 6)
    for answer in "121221":
        for key in "ab":
            blind.keyboard.press(key)
        blind.keyboard.press(answer)
    words = blind.locator("#test").inner_text()
    assert "4 of 6 right" in words
    assert "in 34.4 % of such tests (p = 0.344)" in words
    assert "That you know which one is the amp is not shown" in words
    missed = 1 - 0.7**6
    assert f"unnoticed with a probability of {100 * missed:.0f} %" in words
    assert blind.evaluate("played.slice(0, 4)") == ["amp", "model", "model", "amp"]


def test_escape_once_is_no_end_and_a_wrong_number_of_trials_no_beginning(blind):
    begin(blind, "ABX", 7)
    assert "Choose 8 to 50 trials" in said(blind)
    begin(blind, "ABX", 8)
    for key in ("Escape", "x", "Escape", "[", "Escape", "l", "Escape"):
        blind.keyboard.press(key)
    blind.locator("#test canvas").click()
    assert "It goes on" in said(blind)
    blind.keyboard.press("Escape")
    assert "Esc again stops" in said(blind)
    assert blind.get_by_role("heading", name="Trial 1 of 8").is_visible()
    blind.get_by_role("button", name="Stop the test").press("Enter")
    assert "Not finished" in said(blind)


def test_the_amp_is_what_is_heard_as_the_amp_after_a_test_that_ended_on_the_model(
    blind,
):
    draw(blind, "A")
    begin(blind, "Which one is the amp?", 1)
    for key in "ab1":
        blind.keyboard.press(key)
    assert blind.evaluate("played") == ["amp", "model"]
    blind.get_by_role("button", name="Another test").click()
    blind.get_by_role("button", name="Hear the amp").click()
    assert blind.evaluate("played.at(-1)") == "amp"


def test_a_bracket_counts_however_it_is_typed_and_other_shortcuts_do_not(blind):
    def typed(key, **held):
        blind.locator("#test").evaluate(
            """(root, [key, held]) => root.dispatchEvent(new KeyboardEvent("keydown",
                { key, bubbles: true, cancelable: true, ...held }))""",
            [key, held],
        )
        return blind.locator("#test .region-told").inner_text()

    altgr = {"ctrlKey": True, "altKey": True, "modifierAltGraph": True}
    assert typed("[", ctrlKey=True) == "No loop"
    assert typed("l", **altgr) == "No loop"
    assert typed("[", **altgr).startswith("Looping")
    typed("l")
    assert typed("[", altKey=True).startswith("Looping")


def test_views_that_are_gone_draw_no_more(blind):
    for _ in range(3):
        begin(blind, "ABX", 8)
        for _ in range(2):
            blind.keyboard.press("Escape")
        blind.get_by_role("button", name="Another test").click()
    settled(blind)
    blind.evaluate(
        """() => {
            const { color } = jaxamp;
            globalThis.asked = [];
            jaxamp.color = (name) => { asked.push(name); return color(name); };
        }"""
    )
    blind.emulate_media(color_scheme="dark")
    until(blind, "asked.length > 0")
    assert blind.evaluate("asked.length") == 4, "two colours of two strips"


def test_the_volume_of_the_player_is_that_of_the_blind_test(blind):
    player = blind.locator("#player").get_by_label("Volume")
    test = blind.locator("#test").get_by_label("Volume")
    player.fill("0.25")
    assert test.input_value() == "0.25"
    begin(blind, "ABX", 8)
    assert test.input_value() == "0.25"
    test.fill("0.5")
    assert player.input_value() == "0.5"
    blind.keyboard.press("a")
    assert blind.evaluate("sound.output.gain.value") == 0.5


def test_p_values_power_and_intervals_are_those_of_scipy(blind):
    cases = [(9, 10), (12, 16), (0, 8), (8, 8), (33, 50), (25, 50)]
    found = blind.evaluate(
        "(cases) => cases.map(([k, n]) => jaxamp.statistics.atLeast(k, n))", cases
    )
    wanted = [
        scipy.stats.binomtest(k, n, alternative="greater").pvalue for k, n in cases
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    for n in (4, 5, 8, 16, 50):
        needed, missed = blind.evaluate(
            "(n) => [jaxamp.statistics.needed(n), jaxamp.statistics.missed(n, 0.7)]", n
        )
        shows = [k for k in range(n + 1) if scipy.stats.binom.sf(k - 1, n, 0.5) < 0.05]
        assert needed == min(shows, default=n + 1)
        assert missed == pytest.approx(scipy.stats.binom.cdf(needed - 1, n, 0.7))
    for values in ([1.0, 4.0], [3.0, 5.0, 4.5], [80, 90, 100, 70], [*range(9)]):
        half = blind.evaluate("(v) => jaxamp.statistics.halfInterval(v)", values)
        wide = scipy.stats.t.interval(
            0.95, len(values) - 1, loc=0, scale=scipy.stats.sem(values)
        )
        assert half == pytest.approx(wide[1])


# --- rating ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rating_file(audio, tmp_path_factory):
    """A page with two trials of two models, one of them called like a formula."""
    y = audio["target"][: RATE // 4]
    played = {"=small": 0.9 * y + noise(y.size, 2, 0.01), "<b>large</b>": 0.99 * y}
    trials = [
        trial(name, y, played, RATE, capture="amp.wav") for name in ("first", "second")
    ]
    file = tmp_path_factory.mktemp("page") / "rating.html"
    body = '<div id="test"></div>'
    file.write_text(page("Rating", body, {"trials": trials}, RATING, STYLES))
    return file


@pytest.fixture
def rating(browser_page, rating_file):
    """The page, the order of what is rated always that in which it was given."""
    browser_page.goto(rating_file.as_uri())
    browser_page.evaluate(
        """() => {
            jaxamp.shuffled = (items) => [...items];
            const place = document.getElementById("test");
            jaxamp.rating(place, jaxamp.data.trials, { about: { version: "1.2.3" } });
        }"""
    )
    return browser_page


def rate(page, ratings, reference="0"):
    """Hears all of a trial and gives these ratings."""
    page.get_by_role("heading", name="Trial").wait_for()
    if reference:
        page.keyboard.press(reference)
    for number, rating in enumerate(ratings, 1):
        page.keyboard.press(str(number))
        page.get_by_label(f"Rating of {number}").fill(str(rating))


def test_a_rating_test_ends_in_a_csv_with_every_rating(rating):
    rating.get_by_label("Your name").fill("@Ann, the listener")
    rating.get_by_role("button", name="Start rating").press("Enter")
    rate(rating, [100, 20, 50, 87])
    assert "<b>" not in rating.locator("#test").inner_html()
    assert "large" not in rating.locator("#test").inner_text()
    rating.get_by_role("button", name="Next passage").press("Enter")
    rating.get_by_role("heading", name="Trial 2 of 2").wait_for()
    rate(rating, [80, 10, 60, 88])
    rating.get_by_role("button", name="Finish").press("Enter")
    words = rating.locator("#test").inner_text()
    assert "rated below 90 in 1 of 2 trials" in words
    assert "leaves such a listener out" in words
    lines = [line.split("\t") for line in words.splitlines()]
    half = scipy.stats.t.ppf(0.975, 1) * 0.5  # of 87 and 88
    assert [
        "<b>large</b>",
        "87.5",
        f"{87.5 - half:.1f} to {87.5 + half:.1f}",
        "2",
    ] in lines
    assert ["Hidden reference", "90.0", "0.0 to 100.0", "2"] in lines
    _, text = saved(rating, "CSV")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 8
    assert {row["listener"] for row in rows} == {"'@Ann, the listener"}
    assert [(r["passage"], r["condition"], r["rating"]) for r in rows[2:5]] == [
        ("first", "'=small", "50"), ("first", "<b>large</b>", "87"),
        ("second", "Hidden reference", "80"),
    ]  # fmt: skip
    record = json.loads(saved(rating, "JSON")[1])
    assert record["finished"] is True
    assert record["version"] == "1.2.3"
    assert [r["kind"] for r in record["ratings"][:3]] == [
        "reference",
        "anchor",
        "model",
    ]


def test_all_must_be_heard_and_rated_before_the_next_trial(rating):
    rating.get_by_role("button", name="Start rating").press("Enter")
    rate(rating, [100, 20, 50], reference="")
    onward = rating.get_by_role("button", name="Next passage")
    onward.press("Enter")
    assert "Not heard yet: the reference, 4." in said(rating)
    for key in "04":
        rating.keyboard.press(key)
    onward.press("Enter")
    assert "Not rated yet: 4." in said(rating)
    rating.keyboard.press("Escape")
    rating.get_by_label("Rating of 4").fill("60")  # calls it off
    rating.keyboard.press("Escape")
    assert "Esc again stops" in said(rating)
    rating.keyboard.press("Escape")
    assert "Not finished" in said(rating)


def test_models_of_one_name_on_two_captures_are_two_and_the_volume_stays(rating):
    rating.evaluate(
        """() => {
            const [one, two] = jaxamp.data.trials;
            [one.capture, two.capture] = ["clean.wav", "hot.wav"];
            jaxamp.rating(document.getElementById("test"), [one, two]);
        }"""
    )
    rating.get_by_role("button", name="Start rating").press("Enter")
    volume = rating.get_by_label("Volume")
    volume.fill("0.5")
    rate(rating, [100, 20, 50, 87])
    rating.get_by_role("button", name="Next passage").press("Enter")
    rating.get_by_role("heading", name="Trial 2 of 2").wait_for()
    assert volume.input_value() == "0.5"
    rate(rating, [90, 10, 60, 88])
    rating.get_by_role("button", name="Finish").press("Enter")
    assert "at 90 or more in every trial" in said(rating)
    for capture, mean in (("clean.wav", "50.0"), ("hot.wav", "60.0")):
        table = rating.get_by_role("table", name=capture)
        assert f"=small\t{mean}\t\t1" in table.inner_text()
    rows = list(csv.DictReader(io.StringIO(saved(rating, "CSV")[1])))
    assert [row["capture"] for row in rows] == ["clean.wav"] * 4 + ["hot.wav"] * 4


def test_nothing_can_be_pressed_while_a_trial_is_made_ready(rating):
    rating.evaluate(
        """() => {
            const from = jaxamp.Sound.from;
            jaxamp.Sound.from = async (clips) => {
                await new Promise((resolve) => (globalThis.release = resolve));
                return from(clips);
            };
        }"""
    )
    rating.get_by_role("button", name="Start rating").press("Enter")
    assert rating.get_by_role("heading", name="Getting ready").is_visible()
    assert rating.get_by_role("button").count() == 0
    rating.evaluate("release()")
    rating.get_by_role("heading", name="Trial 1 of 2").wait_for()


def test_the_order_of_what_is_rated_is_drawn_each_way_as_often(opened):
    orders = opened.evaluate(
        """() => Array.from({ length: 1200 }, () => jaxamp.shuffled("abc").join(""))"""
    )
    counts = [
        orders.count(order) for order in ("abc", "acb", "bac", "bca", "cab", "cba")
    ]
    assert sum(counts) == 1200
    assert scipy.stats.chisquare(counts).pvalue > 1e-6  # fails once in a million


# --- the comparison -------------------------------------------------------------------


@pytest.fixture
def compared(browser_page, tmp_path):
    """A page on three models of one capture, runs of two of them to be opened."""
    runs = [
        Run(
            model=model, seed=seed, capture="amp.wav", parameters=size, esr=esr,
            macs_per_sample=2 * size, receptive_field=480, sample_rate=48000,
            mrstft=0.5, aliasing=1e-6, realtime_factor=speed, realtime_block=64,
            place=f"{model}{seed}",
        )
        for model, seed, size, speed, esr in (
            ("lstm/small", 0, 100, 90.0, 0.2), ("lstm/small", 1, 100, 90.0, 0.3),
            ("wavenet/large", 0, 9000, 20.0, 0.01),
            ("<i>worse</i>", 0, 12000, 10.0, 0.02),
        )
    ]  # fmt: skip
    links = {"lstm/small0": "../runs/0/", "lstm/small1": "../runs/1/report.html",
             "wavenet/large0": "../runs/a%3Ab/"}  # fmt: skip
    table = rows(runs)
    file = tmp_path / "comparison.html"
    file.write_text(comparison_page(table, "<svg></svg>", [], links=links))
    browser_page.goto(file.as_uri())
    browser_page.get_by_role("button", name="lstm/small").wait_for()
    return browser_page


def test_a_point_tells_all_about_a_model_and_leads_to_its_runs(compared):
    about = compared.locator(".about")
    assert compared.get_by_role("table", name="Models of amp.wav").is_visible()
    compared.get_by_role("button", name="lstm/small").hover(force=True)
    assert "ESR 0.25 ± 0.635, best 0.2, of 2 seeds" in about.inner_text()
    compared.get_by_role("button", name="wavenet/large").hover(force=True)
    words = about.inner_text()
    assert "ESR 0.01 of one seed" in words
    assert "9,000 parameters" in words
    assert "20 times faster than real time" in words
    links = about.get_by_role("link")
    assert [a.get_attribute("href") for a in links.all()] == ["../runs/a%3Ab/"]


def test_points_are_reached_and_left_by_keyboard(compared):
    about = compared.locator(".about")
    compared.get_by_role("radio", name="size").focus()
    compared.keyboard.press("Tab")
    assert about.inner_text().startswith("lstm/small")
    compared.keyboard.press("ArrowRight")
    compared.keyboard.press("ArrowRight")
    compared.keyboard.press("ArrowRight")  # there is none further on
    assert about.inner_text().startswith("<i>worse</i>")
    compared.keyboard.press("ArrowLeft")
    compared.keyboard.press("Enter")
    focused = compared.evaluate("document.activeElement.getAttribute('href')")
    assert focused == "../runs/a%3Ab/"


def test_the_front_and_the_order_follow_what_the_error_is_drawn_against(compared):
    def drawn():
        points = compared.locator(".scatter [role=button]")
        at = [
            float(p.locator("circle").first.get_attribute("cx")) for p in points.all()
        ]
        line = compared.locator(".front").get_attribute("points")
        return at, sorted(float(p.split(",")[0]) for p in line.split())

    by_size, front = drawn()
    assert by_size == sorted(by_size)
    assert front == by_size[:2], "the third is larger than the second, and worse"
    compared.get_by_role("radio", name="speed").check()
    by_speed, front = drawn()
    assert by_speed == sorted(by_speed, reverse=True)
    assert front == sorted(by_speed[:2])
    picture = compared.locator("details.still")
    assert picture.get_attribute("open") is None, "open only where no script runs"
