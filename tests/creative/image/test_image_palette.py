"""Colours that can be read, for any brand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import Colours
from omnimix.creative.image.palette import LEGIBLE, contrast, legible, luminance, make_palette, mix
from omnimix.creative.image.poster import DIRECTIONS

HEX = st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ff0000", 1.0),
    ],
)
def test_contrast_agrees_with_published_values(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)


@given(HEX, HEX)
def test_contrast_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21


@given(HEX, HEX)
def test_any_colour_becomes_legible_on_any_ground(colour: str, ground: str) -> None:
    assert contrast(legible(colour, ground), ground) >= LEGIBLE


@given(HEX, HEX)
def test_a_legible_colour_is_left_alone(colour: str, ground: str) -> None:
    if contrast(colour, ground) >= LEGIBLE:
        assert legible(colour, ground) == colour


@given(HEX, HEX)
def test_mixing_starts_at_one_colour_and_ends_at_the_other(one: str, other: str) -> None:
    assert abs(luminance(mix(one, other, 0)) - luminance(one)) < 0.01
    assert abs(luminance(mix(one, other, 1)) - luminance(other)) < 0.01


@settings(max_examples=25)
@given(HEX, HEX, HEX, HEX, st.sampled_from(DIRECTIONS))
def test_every_brand_is_readable(primary: str, accent: str, background: str, text: str, direction: str) -> None:
    palette = make_palette(Colours(primary=primary, accent=accent, background=background, text=text), direction)
    for ink, ground in (("ink", "ground"), ("body", "ground"), ("button_ink", "button"), ("badge_ink", "badge")):
        assert contrast(palette.roles[ink], palette.roles[ground]) >= LEGIBLE
    assert palette.contrast >= LEGIBLE


def test_directions_differ() -> None:
    assert len({make_palette(Colours(), d).roles["ground"] for d in DIRECTIONS}) == len(DIRECTIONS)


def test_a_wrong_colour_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"colours.accent.*'red'"):
        make_palette(Colours(accent="red"), "still")
