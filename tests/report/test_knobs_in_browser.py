"""Knobs of a page, turned in a real browser."""

import pytest
from reports import knobbed, report
from test_listening_in_browser import LEAD, until
from tiny import RATE


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A page with every combination, and one with a knob at a time."""
    folder = tmp_path_factory.mktemp("knobs")
    for clips in (9, 6):
        made = report(knob_clips=clips, seconds=0.5, **knobbed())
        (folder / f"{clips}.html").write_text(made, encoding="utf-8")
    return folder


def opened(browser_page, files, clips):
    """The page on the screen, its sliders ready to be heard."""
    browser_page.goto((files / f"{clips}.html").as_uri())
    browser_page.wait_for_selector("#sliders[data-ready]")
    return browser_page


@pytest.fixture
def shown(browser_page, files):
    return opened(browser_page, files, 9)


def stands(shown):
    """Where the knobs stand: on the sliders, in words, and in what is heard."""
    sliders = shown.get_by_role("slider", name="gain"), shown.get_by_role(
        "slider", name="tone")  # fmt: skip
    told = [
        one.get_attribute("aria-valuetext").removesuffix(" of 1") for one in sliders
    ]
    heard = shown.evaluate("jaxamp.knobSound.label(jaxamp.knobSound.current)")
    assert heard == f"gain {told[0]}, tone {told[1]}"
    assert shown.locator(".heard").inner_text().startswith(heard)
    return tuple(map(float, told))


def test_knobs_are_turned_by_keyboard_while_it_plays(shown):
    assert stands(shown) == (1, 0.5)
    shown.get_by_role("slider", name="gain").focus()
    shown.keyboard.press(" ")
    until(shown, "jaxamp.knobSound.playing && jaxamp.knobSound.position > 0.02")
    shown.keyboard.press("ArrowLeft")
    assert stands(shown) == (0.5, 0.5)
    shown.get_by_role("slider", name="tone").focus()
    shown.keyboard.press("End")
    assert stands(shown) == (0.5, 1)
    assert shown.evaluate("jaxamp.knobSound.playing"), "it goes on"
    shown.keyboard.press("0")
    assert stands(shown) == (1, 0.5)
    shown.keyboard.press("m")
    assert shown.get_by_label("Equally loud").nth(1).is_checked()
    shown.get_by_role("button", name="Pause").last.click()
    assert not shown.evaluate("jaxamp.knobSound.playing")


def test_turning_a_knob_switches_without_a_gap_to_what_was_played_there(shown):
    """Sample by sample: the start, the fade, and the other setting in its place."""
    before, after, unlike = shown.evaluate(
        """async ([lead, fade]) => {
            let context = null;
            const make = (rate) =>
              (context ??= new OfflineAudioContext(1, rate, rate));
            const given = jaxamp.data.knobs;
            const sound = await jaxamp.Sound.from(given.clips, { context: make });
            const clip = (at) => given.settings.find((s) => `${s.at}` === at).clip;
            const [one, other] = [clip("2,1"), clip("0,1")];
            sound.matched = given.matched;
            make(sound.rate);
            sound.play(one);
            const switched = Math.round(0.48 * sound.rate);
            context.suspend(0.48).then(() => {
              sound.switchTo(other); context.resume(); });
            const heard = (await context.startRendering()).getChannelData(0);
            const played = (name, i) =>
              given.clips[name].plain * sound.samples(name)[i - lead];
            const most = (from, to, off) => {
              let found = 0;
              for (let i = from; i < to; i++) found = Math.max(found, Math.abs(off(i)));
              return found;
            };
            const end = heard.length;
            return [
              most(lead, switched, (i) => heard[i] - played(one, i)),
              most(switched + fade, end, (i) => heard[i] - played(other, i)),
              most(switched + fade, end, (i) => heard[i] - played(one, i)),
            ];
        }""",
        [LEAD, round(0.008 * RATE)],
    )
    assert before < 1e-6
    assert after < 1e-6
    assert unlike > 0.1, "the settings are no less unlike than they are"


def test_charts_and_their_tables_show_the_setting_that_is_heard(shown):
    def seen(chart):
        figure = shown.locator(f"figure:has([data-chart={chart}])")
        cells = figure.locator("details tbody td:last-child").all_text_contents()
        # Pixels of the line of what is heard now.
        colour = shown.evaluate("jaxamp.color('prediction')")
        drawn = figure.locator("canvas").evaluate(
            """(canvas, colour) => {
                const [r, g, b] = [1, 3, 5]
                  .map((i) => parseInt(colour.slice(i, i + 2), 16));
                const { data } = canvas.getContext("2d")
                  .getImageData(0, 0, canvas.width, canvas.height);
                let sum = 0, count = 0;
                for (let i = 0; i < data.length; i += 4)
                  if (data[i] === r && data[i + 1] === g && data[i + 2] === b) {
                    sum += Math.floor(i / 4 / canvas.width); count += 1; }
                return [sum / count, count];
            }""",
            colour,
        )
        return [float(one.replace(",", "")) for one in cells], drawn

    before = {chart: seen(chart) for chart in ("knobCurve", "knobSpectrum")}
    shown.get_by_role("slider", name="tone").focus()
    shown.keyboard.press("Home")
    shown.evaluate("new Promise(requestAnimationFrame)")
    setting = shown.evaluate(
        "jaxamp.data.knobs.settings.find((s) => `${s.at}` === '2,0')"
    )
    for chart, key in (("knobCurve", "curve"), ("knobSpectrum", "spectrum")):
        cells, (height, count) = seen(chart)
        assert cells == setting[key]
        assert cells != before[chart][0]
        assert count > 100
        assert height > before[chart][1][0] + 2, "quieter is drawn lower"


def test_one_knob_at_a_time_says_that_the_others_went_back(browser_page, files):
    shown = opened(browser_page, files, 6)
    start = stands(shown)
    shown.get_by_role("slider", name="tone").focus()
    shown.keyboard.press("End")
    assert stands(shown) == (start[0], 1)
    assert not shown.locator("#sliders .said").inner_text()
    shown.get_by_role("slider", name="gain").focus()
    shown.keyboard.press("Home")
    assert stands(shown) == (0, start[1])
    assert "went back" in shown.locator("#sliders .said").inner_text()


def test_the_knobs_fit_a_phone_and_have_names(shown):
    shown.set_viewport_size({"width": 380, "height": 700})
    shown.evaluate("new Promise(requestAnimationFrame)")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 380
    assert shown.locator("#knob-trouble").is_hidden()
    for one in shown.locator("#sliders input, #sliders button").all():
        assert one.bounding_box()["width"] <= 380
    assert shown.evaluate(
        """[...document.querySelectorAll("#sliders input, #sliders button")]
          .every((one) => one.labels?.length || one.textContent.trim())"""
    )
    twice = shown.evaluate(
        """[...document.querySelectorAll("[id]")].map((one) => one.id)
          .filter((id, i, all) => all.indexOf(id) !== i)"""
    )
    assert twice == []
