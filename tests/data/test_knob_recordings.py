"""A manifest becomes a recording that knows where the knobs stood, or says why not."""

from typing import Any

import numpy as np
import pytest
import yaml
from knob_recordings import (
    RATE,
    SAMPLES,
    VALUES,
    amp,
    dry,
    write,
    write_amp,
    write_manifest,
)

from jaxamp.core import CaptureError, ConfigError
from jaxamp.data import knobs


@pytest.fixture
def listed(tmp_path):
    """The path of a manifest, and what is in it."""
    path = write_amp(tmp_path)
    return path, yaml.safe_load((tmp_path / "knobs.yaml").read_text())


def stands(captures):
    return [float(one.controls[0]) for one in captures]


def test_each_capture_knows_where_the_knob_stood_from_0_to_1(listed):
    recording = knobs(listed[0], validation=["gain 5"], seen_share=0.25)
    assert recording.controls == ("gain",)
    assert stands(recording.train) == stands(recording.seen) == [0, 0.25, 0.75, 1]
    assert stands(recording.validation) == [0.5]
    for one in (*recording.train, *recording.seen, *recording.validation):
        expected = amp(one.input, 10 * float(one.controls[0]))
        np.testing.assert_allclose(one.target, expected, atol=1e-6)
        assert one.controls.dtype == np.float32
    # Training, then unheard playing at the same setting, warmed on what came before.
    for one, rest in zip(recording.train, recording.seen, strict=True):
        assert one.input.size == SAMPLES * 3 // 4
        whole = np.concatenate([one.input, rest.input])
        np.testing.assert_array_equal(whole, dry())
        np.testing.assert_array_equal(rest.context, one.input)
    np.testing.assert_array_equal(recording.validation[0].input, dry())


def test_a_share_is_kept_by_itself_and_the_ends_of_the_range_stay(listed):
    for seed in range(4):
        recording = knobs(listed[0], split_seed=seed, validation_share=0.4)
        held_out = set(stands(recording.validation))
        assert len(held_out) == 2
        assert held_out < {0.25, 0.5, 0.75}
        assert held_out.isdisjoint(stands(recording.train))
        again = knobs(listed[0], split_seed=seed, validation_share=0.4)
        assert stands(again.validation) == stands(recording.validation)
    drawn = {tuple(stands(knobs(listed[0], split_seed=s).validation)) for s in range(9)}
    assert len(drawn) > 1


def test_a_manifest_may_mark_what_validates_and_a_list_goes_before_it(listed):
    path, content = listed
    content["recordings"][3]["validation"] = True
    write_manifest_over(path, content)
    assert stands(knobs(path).validation) == [0.75]
    assert stands(knobs(path, validation=["gain 2.5"]).validation) == [0.25]


def write_manifest_over(path, content):
    with open(path, "w") as file:
        yaml.safe_dump(content, file, sort_keys=False)


def test_all_recordings_of_a_setting_are_kept_together(listed, tmp_path):
    path, content = listed
    again = {"target": write(tmp_path / "again.wav", amp(dry(seed=1), 5))}
    again |= {"input": write(tmp_path / "other.wav", dry(seed=1)), "knobs": {"gain": 5}}
    content["recordings"].append(again)
    write_manifest_over(path, content)
    recording = knobs(path, validation=["gain 5"])
    assert stands(recording.validation) == [0.5, 0.5]
    assert 0.5 not in stands(recording.train)


def test_without_unseen_settings_the_ends_of_all_decide_and_that_is_told(listed):
    recording = knobs(listed[0], validation_share=0)
    assert stands(recording.train) == stands(recording.validation)
    assert recording.seen == ()
    assert any("says nothing of those in between" in w for w in warnings(recording))
    with pytest.raises(ConfigError, match="nothing to tell the best"):
        knobs(listed[0], validation_share=0, seen_share=0)


def warnings(recording):
    return recording.findings["warnings"]


def test_csv_says_the_same_as_yaml(listed, tmp_path):
    path = tmp_path / "knobs.csv"
    rows = [f"dry.wav,g{g:g}.wav,{g},0,{g == 5}" for g in VALUES]
    path.write_text("input,target,gain 0..10,delay,validation\n" + "\n".join(rows))
    one, two = knobs(str(path)), knobs(listed[0], validation=["gain 5"])
    assert one.controls == two.controls
    for mine, other in zip(
        (*one.train, *one.validation), (*two.train, *two.validation), strict=True
    ):
        np.testing.assert_array_equal(mine.target, other.target)
        np.testing.assert_array_equal(mine.controls, other.controls)


def test_parts_of_one_long_take_are_found_in_both_files(tmp_path):
    x = dry(4 * SAMPLES)
    seconds = SAMPLES / RATE
    rows = [
        {
            "start_seconds": (i + 1) * seconds,  # the dry file has a lead-in
            "target_start_seconds": i * seconds,
            "seconds": seconds,
            "knobs": {"gain": gain},
        }
        for i, gain in enumerate((0, 4, 10))
    ]
    shifted = amp(x[SAMPLES:], 0), amp(x[SAMPLES:], 4), amp(x[SAMPLES:], 10)
    y = np.concatenate(
        [one[i * SAMPLES : (i + 1) * SAMPLES] for i, one in enumerate(shifted)]
    )
    for row in rows:
        row["target"] = write(tmp_path / "wet.wav", y)
    content = {
        "input": write(tmp_path / "dry.wav", x),
        "delay": 0,
        "knobs": {"gain": {"range": [0, 10]}},
        "recordings": rows,
    }
    recording = knobs(
        write_manifest(tmp_path / "knobs.yaml", content), validation=["gain 4"]
    )
    for one in (*recording.train, *recording.validation):
        expected = amp(one.input, 10 * float(one.controls[0]))
        np.testing.assert_allclose(one.target, expected, atol=1e-6)
    assert recording.validation[0].context.size == 0, "nobody knows what came before"
    rows[1]["seconds"] = 60
    write_manifest_over(tmp_path / "knobs.yaml", content)
    with pytest.raises(CaptureError, match=r"dry.wav has 2.000 s, and gain 4"):
        knobs(str(tmp_path / "knobs.yaml"))


def test_real_input_before_a_part_of_one_take_warms_the_model(tmp_path):
    x = dry(3 * SAMPLES)
    seconds = SAMPLES / RATE
    rows = [
        {"start_seconds": i * seconds, "seconds": seconds, "knobs": {"gain": g}}
        for i, g in enumerate((0, 4, 10))
    ]
    content = {
        "input": write(tmp_path / "dry.wav", x),
        "delay": 0,
        "knobs": {"gain": {"range": [0, 10]}},
        "recordings": [{"target": write(tmp_path / "w.wav", x / 2), **r} for r in rows],
    }
    path = write_manifest(tmp_path / "knobs.yaml", content)
    (one,) = knobs(path, validation=["gain 4"]).validation
    np.testing.assert_array_equal(one.context, x[:SAMPLES])
    np.testing.assert_array_equal(one.input, x[SAMPLES : 2 * SAMPLES])


def test_one_latency_is_taken_out_of_all_though_one_measures_wrong(tmp_path):
    path = write_amp(tmp_path, delay=None)
    late = 40
    for g in VALUES:
        y = np.append(np.zeros(late, np.float32), amp(dry(), g))
        write(tmp_path / f"g{g:g}.wav", y)
    # Of this one, most is missing: what is left looks like another delay, or none.
    broken = np.append(np.zeros(late, np.float32), amp(dry(), 5))
    broken[: SAMPLES // 2] = 0
    broken[SAMPLES // 2 :] = np.roll(broken, 3000)[SAMPLES // 2 :]
    write(tmp_path / "g5.wav", broken)
    recording = knobs(path, validation=["gain 2.5"])
    applied = [one["delay"]["applied"] for one in recording.findings["pairs"]]
    assert len(set(applied)) == 1
    assert late - 3 <= applied[0] <= late
    with pytest.raises(CaptureError, match=r"At gain 5: dry.wav and g5.wav"):
        knobs(path, validation=["gain 2.5"], delay="each")
    own = knobs(path, validation=["gain 2.5"], delay=7)
    assert {one["delay"]["applied"] for one in own.findings["pairs"]} == {7}


def two_knobs(folder, settings, **options):
    rows = [
        {
            "target": write(folder / f"{i}.wav", amp(dry(), *one)),
            "knobs": dict(zip(("gain", "level"), one, strict=True)),
        }
        for i, one in enumerate(settings)
    ]
    content = {
        "input": write(folder / "dry.wav", dry()),
        "delay": 0,
        "knobs": {name: {"range": [0, 10]} for name in ("gain", "level")},
        "recordings": rows,
    }
    return knobs(write_manifest(folder / "knobs.yaml", content), **options)


GRID = [(g, v) for g in (0, 5, 10) for v in (1, 5, 10)]


def test_a_grid_of_two_knobs_has_nothing_to_complain_of(tmp_path):
    recording = two_knobs(tmp_path, GRID)
    assert warnings(recording) == []
    np.testing.assert_allclose(recording.validation[0].controls, [0.5, 0.5])


def test_a_knob_that_never_moves_is_refused_until_it_is_dropped(tmp_path):
    still = [(g, 5) for g in VALUES]
    with pytest.raises(CaptureError, match=r"level never moves.*drop=\[level\]"):
        two_knobs(tmp_path, still)
    assert two_knobs(tmp_path, still, drop=["level"]).controls == ("gain",)
    waived = two_knobs(tmp_path, still, ignore_checks=["still_knob"])
    assert waived.controls == ("gain", "level")


def test_knobs_that_move_together_are_refused_or_told(tmp_path):
    with pytest.raises(CaptureError, match="gain and level always move together"):
        two_knobs(tmp_path, [(g, 1 + 0.9 * g) for g in VALUES])
    nearly = [(0, 1), (2, 3), (4, 4), (5, 7), (7, 6), (8, 9), (10, 10)]
    told = warnings(two_knobs(tmp_path, nearly, validation=["gain 4 level 4"]))
    assert any("mostly move together (correlation +0.9" in one for one in told)


def test_what_the_settings_leave_to_guessing_is_told(tmp_path):
    few = [(2, 3), (5, 9), (8, 4), (5, 5)]
    told = warnings(two_knobs(tmp_path, few, validation=["gain 8 level 4"]))
    for words in (
        "3 settings train 2 knobs (gain, level); at least 5",
        "gain was recorded from 20 to 50 %",
        "Of the 4 corners, where every knob is fully up or down, 0 are",
        "1 do not lie between settings to train on (gain 8 level 4)",
    ):
        assert any(words in one for one in told), (words, told)


def test_dropping_a_knob_keeps_the_same_recordings_from_training(tmp_path):
    both = two_knobs(tmp_path, GRID, validation_share=0.3)
    one = two_knobs(tmp_path, GRID, validation_share=0.3, drop=["gain"])
    assert [c.name for c in one.validation] == [c.name for c in both.validation]
    neither = two_knobs(tmp_path, GRID, validation_share=0.3, drop=["gain", "level"])
    assert neither.controls == ()
    assert [c.name for c in neither.validation] == [c.name for c in both.validation]
    assert neither.train[0].controls.size == 0


def test_all_targets_are_scaled_by_one_factor(listed):
    plain = knobs(listed[0], validation=["gain 5"])
    scaled = knobs(listed[0], validation=["gain 5"], normalize_dbfs=-18)
    together = np.concatenate([one.target for one in scaled.train])
    np.testing.assert_allclose(np.sqrt(np.mean(together**2)), 10 ** (-18 / 20), 1e-4)
    for group in ("train", "validation", "seen"):
        both = zip(getattr(plain, group), getattr(scaled, group), strict=True)
        for one, other in both:
            expected = one.target * scaled.target_gain
            np.testing.assert_allclose(other.target, expected, rtol=1e-6)


WRONG = {
    "an unknown knob": (
        lambda d: d["recordings"][1]["knobs"].update(gian=1),
        r"recording 2 turns 'gian'.* Did you mean gain\? Its knobs are gain",
    ),
    "a value outside": (
        lambda d: d["recordings"][1]["knobs"].update(gain=11),
        "recording 2 has gain at 11, outside its range of 0 to 10",
    ),
    "no number": (
        lambda d: d["recordings"][0]["knobs"].update(gain=True),
        "recording 1 has gain at True",
    ),
    "not a number": (
        lambda d: d["recordings"][0]["knobs"].update(gain=float("nan")),
        "recording 1 has gain at nan",
    ),
    "a missing value": (
        lambda d: d["recordings"][2].update(knobs={}),
        "recording 3 does not say where gain stood",
    ),
    "no range": (
        lambda d: d.update(knobs={"gain": None}),
        r"knob 'gain' must say how far it goes.*range: \[0, 10\]",
    ),
    "a range upside down": (
        lambda d: d.update(knobs={"gain": {"range": [10, 0]}}),
        "goes from 10 to 0; give two numbers, the lower first",
    ),
    "an unknown key": (
        lambda d: d["recordings"][0].update(taget="a.wav"),
        r"recording 1 has the key 'taget'.* Did you mean target\?",
    ),
    "one part twice": (
        lambda d: d["recordings"].append(
            {**d["recordings"][0], "knobs": {"gain": 9}},
        ),
        "recordings 1 and 6 are the same part of g0.wav, said to be gain 0 and gain 9",
    ),
    "a missing target": (
        lambda d: d["recordings"][0].pop("target"),
        "recording 1 has no target: name the file",
    ),
    "half a sample": (
        lambda d: d["recordings"][0].update(delay=0.5),
        "delay of recording 1 is 0.5; give whole samples",
    ),
    "no recordings": (lambda d: d.update(recordings=[]), "recordings must be a list"),
    "no knobs": (lambda d: d.update(knobs={}), "knobs must name the amp's knobs"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_manifest_with_a_mistake_is_refused_in_words(listed, what):
    path, content = listed
    spoil, words = WRONG[what]
    spoil(content)
    write_manifest_over(path, content)
    with pytest.raises(ConfigError, match=words):
        knobs(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("target,gain\na.wav,1", "column 'gain' is not known.*'gain 0..10'"),
        ("input,target,dealy,gain 0..10\n", "'dealy'.*Did you mean delay"),
        ("input,target,gain 0..10\nd.wav,a.wav", "line 2 has 2 values, its header 3"),
        ("input,target,gain 0..10\nd.wav,a.wav,loud", "'loud', and no number"),
        ("input,target,gain 0..10\nd.wav,a.wav,", "does not say where gain stood"),
        ("input,target,gain 0..10\n", "lists no recordings"),
        ("input,target\nd.wav,a.wav", "no column is a knob"),
        ("target,target,gain 0..10\n", "same header"),
        ("", "no CSV with a header"),
    ],
)
def test_a_csv_with_a_mistake_is_refused_in_words(tmp_path, text, words):
    path = tmp_path / "knobs.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        knobs(str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("!!python/object/apply:os.system [ls]", "no YAML"),
        ("a: &a [x]\nb: [*a, *a]", r"repeats by reference"),
        ("[" * 50 + "]" * 50, "nested more than 8"),
        ("knobs: [", "no YAML"),
        ("just words", "must be keys with values"),
        ("1" * 5000, "no YAML"),
        ("x: y\n" * 200_000, "larger than"),
    ],
    ids=["a call", "references", "depth", "torn", "words", "a long number", "size"],
)
def test_a_hostile_manifest_is_refused(tmp_path, text, words):
    path = tmp_path / "knobs.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        knobs(str(path))


def test_options_that_cannot_be_are_refused(listed, tmp_path):
    path = listed[0]
    options: dict[str, Any]
    for options, words in (
        ({"validation": ["gain 6"]}, "It lists: gain 0; gain 2.5"),
        ({"validation": "gain 5"}, "must be a list"),
        ({"validation_share": 0.9}, "from 0 to 0.5"),
        ({"drop": ["treble"]}, "its knobs are gain"),
        ({"delay": "early"}, "auto .one for all., each"),
        ({"ignore_checks": ["still"]}, "Did you mean still_knob"),
        ({"validation": [f"gain {g:g}" for g in VALUES]}, "none is left to train on"),
    ):
        with pytest.raises(ConfigError, match=words):
            knobs(path, **options)
    for missing in (None, str(tmp_path / "none.yaml")):
        with pytest.raises(ConfigError, match="jaxamp plan"):
            knobs(missing)
    (tmp_path / "g5.wav").unlink()
    with pytest.raises(CaptureError, match=r"g5.wav"):
        knobs(path)


def test_sample_rates_that_differ_are_refused(listed, tmp_path):
    import soundfile  # noqa: PLC0415

    soundfile.write(tmp_path / "g5.wav", amp(dry(), 5), 2 * RATE, subtype="FLOAT")
    with pytest.raises(CaptureError, match="sample rates differ"):
        knobs(listed[0])
