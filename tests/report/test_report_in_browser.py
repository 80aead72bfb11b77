"""Pages in a real browser: they load, forbid what they should, and can be used."""

import pytest
from reports import report

from jaxamp.report.page import page
from jaxamp.report.run_charts import BlockTime


def opened(browser_page, folder, made):
    """The page on the screen."""
    file = folder / "page.html"
    file.write_text(made, encoding="utf-8")
    browser_page.goto(file.as_uri())
    return browser_page


def test_a_page_knows_its_data_and_its_colours(browser_page, tmp_path):
    shown = opened(browser_page, tmp_path, page("A & B", "<h1>x</h1>", {"a": "</b>"}))
    assert shown.title() == "A & B"
    assert shown.evaluate("jaxamp.data") == {"a": "</b>"}
    light = shown.evaluate("jaxamp.color('paper')")
    shown.emulate_media(color_scheme="dark")
    assert shown.evaluate("jaxamp.color('paper')") != light


def test_scripts_of_strangers_do_not_run_and_nothing_is_loaded(browser, tmp_path):
    """Even where escaping was forgotten."""
    evil = (
        "<script>document.title = 'owned'</script>"
        "<img src=http://127.0.0.1:9/x onerror='document.title = 1'>"
    )
    context = browser.new_context()
    said = []
    context.on("console", lambda one: said.append(one.text))
    shown = opened(context.new_page(), tmp_path, page("mine", evil, {}))
    assert shown.title() == "mine"
    assert sum("Content Security Policy" in one for one in said) == 3
    context.close()


@pytest.fixture(scope="module")
def report_file(tmp_path_factory):
    """A whole report, on the disk."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    times = [BlockTime(64, 0.2, 0.5, 1.3), BlockTime(128, 1.0, 3.0, 2.7)]
    file.write_text(report(times=times), encoding="utf-8")
    return file


@pytest.fixture
def shown(browser_page, report_file):
    """The report on the screen, with its sound decoded."""
    browser_page.goto(report_file.as_uri())
    browser_page.wait_for_selector("html[data-ready]")
    return browser_page


def view(shown):
    """First and last sample in the waveforms."""
    shown.evaluate("new Promise(requestAnimationFrame)")
    return shown.evaluate("[jaxamp.wavesView.from, jaxamp.wavesView.to]")


def pixels(shown, canvas):
    """How many pixels of a canvas have each colour of the page."""
    return shown.evaluate(
        """([one, names]) => {
            const canvas = document.querySelectorAll("canvas.wave")[one];
            const { data } = canvas.getContext("2d")
              .getImageData(0, 0, canvas.width, canvas.height);
            const probe = document.createElement("canvas").getContext("2d");
            const seen = {};
            for (const name of names) {
              probe.fillStyle = jaxamp.color(name);
              const [r, g, b] = [1, 3, 5]
                .map((i) => parseInt(probe.fillStyle.slice(i, i + 2), 16));
              seen[name] = 0;
              for (let i = 0; i < data.length; i += 4)
                seen[name] += data[i] === r && data[i + 1] === g && data[i + 2] === b;
            }
            return seen;
        }""",
        [canvas, ["target", "prediction", "difference"]],
    )


def test_every_chart_is_drawn_and_nothing_is_in_trouble(shown):
    charts = shown.locator("[data-chart]")
    assert charts.count() == len(shown.evaluate("Object.keys(jaxamp.data.charts)"))
    assert shown.locator("[data-chart] canvas").count() == charts.count()
    assert shown.locator("#trouble").is_hidden()
    assert shown.locator("#player button").count() > 4
    assert shown.locator("#blind-test button").count() > 0


def test_the_waveforms_zoom_from_all_to_single_samples_by_keyboard(shown):
    size = shown.evaluate("jaxamp.sound.length")
    assert view(shown) == [0, size]
    assert pixels(shown, 0)["prediction"] > 300
    assert pixels(shown, 1)["difference"] > 100
    shown.locator("canvas.wave").first.focus()
    shown.keyboard.press("+")
    first, last = view(shown)
    assert last - first == size / 2
    for _ in range(20):
        shown.keyboard.press("+")
    first, last = view(shown)
    assert last - first == 16
    assert pixels(shown, 0)["target"] > 100, "the lines of single samples"
    shown.keyboard.press("ArrowRight")
    assert view(shown)[0] == first + 4
    shown.keyboard.press("-")
    assert view(shown)[1] - view(shown)[0] == 32
    shown.keyboard.press("0")
    assert view(shown) == [0, size]


def test_the_scale_of_the_difference_is_what_is_drawn(shown):
    def words(wrong):
        shown.evaluate(
            """(wrong) => {
                const of = (times) => Float32Array.from({ length: 999 }, (_, i) =>
                  times * Math.sin(i));
                const sound = Object.assign(new EventTarget(), {
                  rate: 1000, length: 999, position: 0,
                  samples: (name) => of(name === "target" ? 1 : 1 - wrong),
                });
                jaxamp.waves(document.getElementById("wave-view"), sound);
            }""",
            wrong,
        )
        shown.evaluate("new Promise(requestAnimationFrame)")
        return shown.locator("#wave-view .note").inner_text()

    reaches = "its picture reaches ±%s, the one above ±1.1"
    fine = "Difference, on a scale 100 times finer: " + reaches % "0.011"
    assert words(0.01) == fine
    assert words(1.0) == "Difference, on the same scale: " + reaches % "1.1"
    assert words(2.0) == "Difference, on a coarser scale: " + reaches % "2.1"


def test_the_waveforms_zoom_by_mouse_and_buttons(shown):
    size = shown.evaluate("jaxamp.sound.length")
    wave = shown.locator("canvas.wave").first
    wave.scroll_into_view_if_needed()
    box = wave.bounding_box()
    y = box["y"] + 50
    shown.mouse.move(box["x"] + box["width"] / 4, y)
    shown.mouse.down()
    shown.mouse.move(box["x"] + box["width"] / 2, y, steps=4)
    shown.mouse.up()
    first, last = view(shown)
    assert abs(first / size - 0.25) < 0.01
    assert abs(last / size - 0.5) < 0.01
    wave.dblclick()
    assert view(shown) == [0, size]
    wave.focus()
    shown.mouse.wheel(0, -300)
    shown.wait_for_function(
        "jaxamp.wavesView.to - jaxamp.wavesView.from < 0.6 * jaxamp.sound.length"
    )
    shown.get_by_role("button", name="Largest difference").click()
    first, last = view(shown)
    assert abs((last - first) / shown.evaluate("jaxamp.sound.rate") - 0.03) < 1e-6
    told = shown.locator("output.told").inner_text()
    assert "ESR" in told
    assert "1,440 samples" in told


def test_what_is_seen_can_be_looped(shown):
    shown.get_by_role("button", name="Zoom in").click()
    shown.get_by_role("button", name="Loop what is seen").click()
    assert shown.evaluate("jaxamp.sound.region") == [0.25, 0.75]


def test_the_page_fits_a_phone_in_the_dark(shown):
    shown.emulate_media(color_scheme="dark")
    shown.set_viewport_size({"width": 380, "height": 700})
    shown.evaluate("new Promise(requestAnimationFrame)")
    wide = shown.evaluate("document.documentElement.scrollWidth")
    assert wide <= 380
    for canvas in shown.locator("[data-chart] canvas").all():
        assert canvas.bounding_box()["width"] <= 380
    assert pixels(shown, 0)["prediction"] > 100, "drawn anew in the dark's colours"


def test_everything_that_can_be_pressed_has_a_name(shown):
    nameless = shown.evaluate(
        """[...document.querySelectorAll(
            "button, input, select, a, summary, canvas, [tabindex], [role=img]")]
          .filter((one) => !one.closest("[aria-hidden=true]")
            && !one.parentElement.closest("[role=img]"))
          .filter((one) => !one.getAttribute("aria-label") && !one.labels?.length
            && !one.textContent.trim())
          .map((one) => one.outerHTML)"""
    )
    assert nameless == []
