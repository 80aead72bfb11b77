"""Pages in a real browser: they load, forbid what they should, and can be used."""

from jaxamp.report.page import page


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
