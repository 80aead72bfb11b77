"""Rows of a comparison: means, intervals, fronts, and pages that show them."""

import csv
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import scipy

from jaxamp.report.comparison import COLUMNS, Run, as_csv, half_interval, rows
from jaxamp.report.comparison_figure import size_against_esr
from jaxamp.report.comparison_page import comparison_page


def run(model, seed, esr, parameters=100, speed=50.0, capture="amp.wav", **other):
    facts = {
        "macs_per_sample": 2 * parameters, "receptive_field": 480, "sample_rate": 48000,
        "mrstft": 0.5, "aliasing": 1e-6, "realtime_block": 64,
    }  # fmt: skip
    return Run(
        model=model, seed=seed, capture=capture, parameters=parameters, esr=esr,
        realtime_factor=speed, **{**facts, **other},
    )  # fmt: skip


RUNS = [
    run("small", 0, 0.2, 10, 90.0), run("small", 1, 0.4, 10, 90.0),
    run("large", 0, 0.1, 99, 20.0), run("large", 1, 0.1, 99, 20.0),
    run("worse", 0, 0.5, 50, 30.0), run("worse", 1, 0.6, 50, 30.0),
    run("small", 0, 0.7, 10, 90.0, capture="other.wav"),
]  # fmt: skip


def test_a_row_has_the_mean_over_its_seeds_and_students_interval():
    esrs = [0.1, 0.2, 0.4]
    (row,) = rows([run("m", seed, esr) for seed, esr in enumerate(esrs)])
    assert (row.seeds, row.esr_best) == (3, 0.1)
    assert np.isclose(row.esr_mean, np.mean(esrs))
    low, high = scipy.stats.t.interval(
        0.95, 2, loc=np.mean(esrs), scale=scipy.stats.sem(esrs)
    )
    assert np.isclose(row.esr_ci95, (high - low) / 2)
    assert row.receptive_field_ms == 10.0


def test_the_interval_holds_the_true_mean_in_95_of_100_cases():
    draws = np.random.default_rng(0).normal(1.0, 0.3, (4000, 3))
    halves = [half_interval(list(three)) for three in draws]
    inside = np.abs(np.mean(draws, axis=1) - 1.0) <= halves
    assert abs(np.mean(inside) - 0.95) < 0.015


def test_one_seed_has_no_interval():
    (row,) = rows([run("m", 0, 0.1)])
    assert row.esr_ci95 is None
    assert ",1,0.1,,0.1," in as_csv([row])


def test_a_seed_trained_twice_counts_once():
    (row,) = rows([run("m", 0, 0.1), run("m", 0, 0.3), run("m", 1, 0.2)])
    assert row.seeds == 2
    assert np.isclose(row.esr_mean, 0.15)


def test_captures_have_rows_and_fronts_of_their_own():
    made = rows(RUNS)
    assert [(r.capture, r.model) for r in made] == [
        ("amp.wav", "small"), ("amp.wav", "worse"), ("amp.wav", "large"),
        ("other.wav", "small"),
    ]  # fmt: skip
    assert [r.pareto_size for r in made] == [True, False, True, True]
    assert [r.pareto_speed for r in made] == [True, False, True, True]


def test_the_csv_begins_with_the_promised_columns_and_reads_back():
    text = as_csv(rows(RUNS))
    assert text.startswith(
        "model,parameters,macs_per_sample,receptive_field_ms,seeds,esr_mean,esr_ci95,"
        "esr_best,realtime_factor,"
    )
    read = list(csv.DictReader(io.StringIO(text)))
    assert tuple(read[0]) == COLUMNS
    assert np.isclose(float(read[0]["esr_mean"]), 0.3)
    assert read[1]["pareto_size"] == "no"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("runs", [RUNS, RUNS[:1], RUNS[2:4]])
def test_the_figure_shows_every_model_and_is_the_same_each_time(runs):
    table = rows(runs)
    svg = size_against_esr(table, "svg")
    assert svg == size_against_esr(table, "svg")
    words = " ".join(ET.fromstring(svg).itertext())
    for row in table:
        assert row.model in words
        assert row.capture in words
    assert size_against_esr(table, "png").startswith(b"\x89PNG\r\n\x1a\n")


def test_names_of_strangers_are_text_in_the_page():
    evil = "<script>alert(1)</script>"
    table = rows([run(evil, 0, 0.1, capture='"><img src=x>')])
    svg = size_against_esr(table, "svg").decode()
    page = comparison_page(table, svg, [f"note {evil}"])
    plain = rows([run("m", 0, 0.1, capture="amp.wav")])
    ours = comparison_page(plain, size_against_esr(plain, "svg").decode(), ["note"])
    assert page.count("<script") == ours.count("<script"), "only those of ours"
    assert evil not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") >= 3
    assert not re.search(r"(src|href)\s*=\s*\"https?:", page), "it loads nothing"


def test_rows_lead_to_their_runs_and_no_others():
    table = rows([run("m", 1, 0.2, place="/a/1"), run("m", 0, 0.1, place="/a/0")])
    svg = size_against_esr(table, "svg").decode()
    page = comparison_page(table, svg, [], links={"/a/0": "../a/0/report.html"})
    assert re.findall(r'<a href="([^"]+)"', page) == ["../a/0/report.html"]
    assert 'aria-label="m, seed 0">0</a>' in page
    assert table[0].best.seed == 0
    assert "run of seed" not in comparison_page(table, svg, [])
