"""Specifications: what each channel's ad formats accept.

in   nothing
out  Spec records by channel name; one channel may have several formats

Sources: Google Ads API v26 (ResponsiveSearchAdInfo, ResponsiveDisplayAdInfo, KeywordInfo) and its image
help pages; Microsoft Advertising responsive search and audience ads; Meta ads guide, single image link ad
(its hard maxima are far above what is shown, so the shown lengths are warned about); Gmail clips HTML above
102 KB.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextLimit:
    """A text part: how many at least and at most may be sent, each at most so wide. `hard` False: advice only."""

    part: str  # headline, description, long_headline, primary, subject, preheader
    least: int
    columns: int
    hard: bool = True


@dataclass(frozen=True, slots=True)
class ImageLimit:
    """A picture: at least so large, of a ratio within a tolerance, at most so heavy."""

    size: str
    width: int
    height: int
    ratio: float
    tolerance: float
    most_bytes: int
    required: bool


@dataclass(frozen=True, slots=True)
class Spec:
    """One ad format of one channel."""

    format: str
    texts: tuple[TextLimit, ...] = ()
    images: tuple[ImageLimit, ...] = ()
    calls: frozenset[str] = frozenset()
    url_characters: int = 2048
    business_name: int | None = None


_MB, _KB = 1 << 20, 1 << 10
_LANDSCAPE = ImageLimit("landscape", 600, 314, 1.91, 0.01, 5 * _MB, True)
_SQUARE = ImageLimit("square", 300, 300, 1.0, 0.01, 5 * _MB, True)
_CALLS = frozenset(("SHOP_NOW", "LEARN_MORE", "SIGN_UP", "GET_OFFER"))

_SEARCH_TEXTS = (TextLimit("headline", 3, 30), TextLimit("description", 2, 90))
_DISPLAY_TEXTS = (
    TextLimit("headline", 1, 30),
    TextLimit("long_headline", 1, 90),
    TextLimit("description", 1, 90),
)


def _fixed(size: str, width: int, height: int) -> ImageLimit:
    """An uploaded banner of exactly one size, at most 150 KB."""
    return ImageLimit(size, width, height, width / height, 0.0, 150 * _KB, False)


SPECS: Mapping[str, tuple[Spec, ...]] = {
    "google_ads_editor": (
        Spec("Google responsive search ad", _SEARCH_TEXTS, calls=_CALLS),
        Spec("Google responsive display ad", _DISPLAY_TEXTS, (_LANDSCAPE, _SQUARE), _CALLS, business_name=25),
        Spec(
            "Google uploaded display ad",
            images=(
                _fixed("leaderboard", 728, 90),
                _fixed("rectangle", 300, 250),
                _fixed("skyscraper", 160, 600),
            ),
        ),
    ),
    "microsoft_bulk": (
        Spec("Microsoft responsive search ad", _SEARCH_TEXTS, calls=_CALLS),
        Spec(
            "Microsoft audience ad",
            _DISPLAY_TEXTS,
            (
                ImageLimit("landscape", 703, 368, 1.91, 0.01, 5 * _MB, True),
                ImageLimit("square", 300, 300, 1.0, 0.01, 5 * _MB, False),
            ),
            _CALLS,
            business_name=25,
        ),
    ),
    "meta_bulk": (
        Spec(
            "Meta link ad",
            (
                TextLimit("primary", 1, 2200),
                TextLimit("primary", 1, 125, hard=False),
                TextLimit("headline", 1, 255),
                TextLimit("headline", 1, 40, hard=False),
                TextLimit("description", 1, 255),
            ),
            (
                ImageLimit("square", 600, 600, 1.0, 0.03, 30 * _MB, True),
                ImageLimit("portrait", 600, 750, 0.8, 0.03, 30 * _MB, False),
                ImageLimit("story", 500, 888, 0.5625, 0.01, 30 * _MB, False),
            ),
            _CALLS,
        ),
    ),
    "email_files": (
        Spec(
            "E-mail",
            (
                TextLimit("subject", 1, 150),
                TextLimit("subject", 1, 60, hard=False),
                TextLimit("preheader", 1, 90, hard=False),
            ),
        ),
    ),
}

KEYWORD_CHARACTERS, KEYWORD_WORDS = 80, 10
EMAIL_BYTES = 102 * _KB  # Gmail cuts longer HTML off
EMAIL_SHELL_BYTES = 40 * _KB  # what the template around the words may take
