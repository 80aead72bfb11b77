"""A real browser for pages: headless Chromium, one for the whole session.

Nothing is downloaded: it is Debian's (`apt-get install chromium`), or the one that
CHROMIUM names. Where there is none, tests that need it are skipped.
"""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
LOCAL = ("file:", "data:", "blob:", "about:")


@pytest.fixture(scope="session")
def browser():
    """The browser; sound may start without a click, and goes nowhere."""
    given = os.environ.get("CHROMIUM")
    program = given or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("There is no Chromium: install Debian's, or name one in CHROMIUM")
    sync = pytest.importorskip("playwright.sync_api", reason="Playwright is missing")
    with sync.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--mute-audio",
                  "--autoplay-policy=no-user-gesture-required"],
        )  # fmt: skip
        yield started
        started.close()


@pytest.fixture
def browser_page(browser):
    """A page of the browser's that must do without errors, and without a network."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    wrong = []
    page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: asked.url.startswith(LOCAL) or wrong.append(asked.url),
    )
    yield page
    context.close()
    assert wrong == []
