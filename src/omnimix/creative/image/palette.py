"""Colours that can be read: roles derived from any brand's four colours.

in   Colours of brand.toml
out  Palette: hex colours by role and the lowest contrast of any text on its ground

Contrast is WCAG 2.2's (relative luminance, success criterion 1.4.3). Every colour has a readable partner: against
any ground black or white reaches at least √21 ≈ 4.58, so moving towards the better of the two always succeeds.
Mixing happens in OKLab (Björn Ottosson, "A perceptual color space for image processing", 2020).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import Colours

LEGIBLE = 4.5
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_TEXT_ON = (
    ("ink", "ground"),
    ("body", "ground"),
    ("mark", "ground"),
    ("button_ink", "button"),
    ("badge_ink", "badge"),
)

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """`roles` maps a role to a hex colour; `contrast` is the lowest ratio over all text that may be set."""

    roles: Mapping[str, str]
    contrast: float


def _linear(colour: str) -> Triple:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return r, g, b


def _hex(linear: Triple) -> str:
    clipped = (min(1.0, max(0.0, c)) for c in linear)
    gamma = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in clipped)
    return "#" + "".join(f"{round(c * 255):02x}" for c in gamma)


def luminance(colour: str) -> float:
    """Relative luminance in [0, 1]."""
    r, g, b = _linear(colour)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio in [1, 21], the same in both directions."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _oklab(colour: str) -> Triple:
    r, g, b = _linear(colour)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lab: Triple) -> str:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return _hex(
        (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
    )


def mix(one: str, other: str, share: float) -> str:
    """`share` in [0, 1] of `other` mixed into `one`, evenly to the eye."""
    a, b = _oklab(one), _oklab(other)
    lightness, green_red, blue_yellow = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return _from_oklab((lightness, green_red, blue_yellow))


def legible(colour: str, ground: str, *, ratio: float = LEGIBLE) -> str:
    """`colour`, or the nearest step towards black or white that reaches `ratio` ≤ 4.5 against `ground`."""
    if contrast(colour, ground) >= ratio:
        return colour.lower()
    end = max("#000000", "#ffffff", key=lambda pole: contrast(pole, ground))
    steps = (mix(colour, end, step / 24) for step in range(1, 24))
    return next((c for c in steps if contrast(c, ground) >= ratio), end)


def _checked(colours: Colours) -> Colours:
    for name in ("primary", "accent", "background", "text"):
        value = getattr(colours, name)
        if not _HEX.fullmatch(value):
            raise InvalidInput(
                f"{value!r} is not a colour", where=f"brand.toml: colours.{name}", fix="write it like #1f4d3a"
            )
    return colours


def _apart(colour: str, ground: str, ratio: float) -> str:
    """`colour` moved until a shape of it stands out from `ground` (not for text)."""
    return legible(colour, ground, ratio=ratio)


def _grounds(c: Colours, direction: str) -> tuple[str, str, str]:
    """(ground, field behind the drawing, second field) of an art direction."""
    if direction == "bold":
        return c.primary, mix(c.primary, c.background, 0.16), mix(c.primary, c.background, 0.38)
    if direction == "letter":
        paper = mix(c.background, c.accent, 0.16)
        return paper, mix(c.background, c.primary, 0.18), mix(c.background, c.accent, 0.34)
    return c.background, mix(c.background, c.accent, 0.30), mix(c.background, c.primary, 0.22)


def make_palette(colours: Colours, direction: str) -> Palette:
    """Roles for one art direction. Raises InvalidInput for anything that is not `#rrggbb`."""
    c = _checked(colours)
    ground, field, second = _grounds(c, direction)
    dark = direction == "bold"
    button = _apart(c.accent, ground, 1.6)
    badge = _apart(c.background if dark else c.primary, field, 1.6)
    roles = {
        "ground": ground.lower(),
        "paper": c.background.lower(),
        "field": field,
        "second": second,
        "ink": legible(c.background if dark else c.primary, ground),
        "body": legible(c.background if dark else c.text, ground),
        "mark": legible(c.background if dark else c.primary, ground),
        "button": button,
        "button_ink": legible(max((c.background, c.text), key=lambda x: contrast(x, button)), button),
        "badge": badge,
        "badge_ink": legible(c.primary if dark else c.background, badge),
        "main": _apart(c.accent, field, 1.5),
        "deep": _apart(mix(c.primary, "#000000", 0.25) if dark else c.primary, field, 1.5),
        "light": _apart(mix(c.background, "#ffffff", 0.4), field, 1.12),
        "soft": _apart(mix(c.accent, c.background, 0.5), field, 1.15),
        "tint": mix(c.primary, c.background, 0.55),
        "plate": mix(c.background, "#ffffff", 0.4) if not dark else mix(c.background, c.accent, 0.22),
        "line": mix(ground, legible(c.background if dark else c.primary, ground), 0.3),
    }
    return Palette(roles, min(contrast(roles[text], roles[on]) for text, on in _TEXT_ON))
