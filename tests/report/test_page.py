"""The page around everything: whole in itself, and closed to what strangers write."""

import json
import re

import pytest

from jaxamp.report.page import asset, digest, json_text, page, text

EVIL = (
    "</script><script>alert(1)</script><!--<script>]]>\"'&amp;\x1b[2J\u202e\u2028\x00"
)


def test_data_of_strangers_is_read_back_and_closes_no_script():
    made = page("title", "", {EVIL: [EVIL, 1.5]})
    assert made.count("<script") == made.count("</script") == 2
    found = re.search(r'id="data">(.*?)</script>', made)
    assert found
    assert json.loads(found[1]) == {EVIL: [EVIL, 1.5]}


def test_words_of_strangers_are_text_and_bounded():
    said = text(EVIL + "x" * 9_999)
    assert "<" not in said
    assert said.isprintable()
    assert len(said) < 3_000
    assert "<script>" not in page(EVIL, "", {}).partition("</head>")[0]


def test_numbers_that_json_lacks_are_null():
    assert (
        json_text({"a": [float("nan"), (float("inf"), 1)]}) == '{"a":[null,[null,1]]}'
    )


def test_only_the_bundled_scripts_may_run():
    made = page("title", "<p>", {}, ["vendor/uPlot.iife.min.js"])
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', made)
    scripts = re.findall(r"<script>(.*?)</script>", made, re.DOTALL)
    assert len(scripts) == 2
    allowed = " ".join(f"'sha256-{digest(one)}'" for one in scripts)
    assert f"script-src {allowed};" in policy
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_a_bundled_file_that_would_end_its_element_is_refused(monkeypatch, tmp_path):
    import jaxamp.report.page as module  # noqa: PLC0415

    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("'</SCRIPT>'")
    monkeypatch.setattr(module.importlib.resources, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match="would end the element"):
        asset("a.js")
