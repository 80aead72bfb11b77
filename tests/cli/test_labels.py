"""What an exported file says of the recordings it was learned from."""

from jaxamp.cli.labels import delays

GIVEN = {"delay": {"applied": 12, "method": "given"}}
MEASURED = {"delay": {"applied": 46, "method": "blips", "samples": 47}}


def test_measured_delays_are_told_whatever_else_was_given():
    expected = {"delays": [47], "recommended_delay": 46}
    assert delays({"pairs": [MEASURED, GIVEN]}) == expected
    assert delays({"pairs": [GIVEN, MEASURED]}) == expected


def test_a_delay_that_was_given_is_told_as_such():
    assert delays({"pairs": [GIVEN]}) == {"manual_delay": 12}
    assert delays({}) == {}
