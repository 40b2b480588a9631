"""How a variant will look on each channel, in plain records that templates draw.

in   a variant, the brand, the campaign's channels
out  Preview records, one an ad format
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from omnimix.creative.brand import Brand
from omnimix.creative.variant import Image, Variant

_SEARCH = {"google_ads_editor": "Google search", "microsoft_bulk": "Bing search"}
_SHOWN_HEADLINES, _SHOWN_DESCRIPTIONS = 3, 2  # that a search result joins


@dataclass(frozen=True, slots=True)
class Preview:
    """One ad format. `kind` names its drawing: search, feed, banner, email."""

    kind: str
    title: str
    headline: str
    text: str
    site: str
    call: str
    image: Image | None = None
    paragraphs: tuple[str, ...] = ()


def previews(variant: Variant, brand: Brand, channels: tuple[str, ...]) -> tuple[Preview, ...]:
    """Every format that the campaign's channels show, in their order."""
    return tuple(p for channel in channels for p in _of_channel(channel, variant, brand))


def _of_channel(channel: str, variant: Variant, brand: Brand) -> Iterator[Preview]:
    site = urlsplit(variant.final_url).hostname or brand.website
    call = variant.call_to_action.replace("_", " ").capitalize()
    pictures = {i.size: i for i in variant.images}
    if channel in _SEARCH:
        head = " · ".join(variant.headlines[:_SHOWN_HEADLINES])
        text = " ".join(variant.descriptions[:_SHOWN_DESCRIPTIONS])
        yield Preview("search", _SEARCH[channel], head, text, site, call)
    if channel == "google_ads_editor":
        for size in ("leaderboard", "rectangle", "skyscraper"):
            if size in pictures:
                yield Preview("banner", f"Display {size}", "", "", site, call, pictures[size])
    if channel == "meta_bulk":
        for size in ("square", "portrait", "story"):
            if size in pictures:
                title = "Story" if size == "story" else f"Feed, {size}"
                lead, picture = variant.headlines[0], pictures[size]
                yield Preview("feed", title, lead, variant.primary_text, site, call, picture)
    if channel == "email_files":
        body = (variant.email.preheader, *variant.email.body)
        yield Preview(
            "email", "E-mail", variant.email.subject, brand.name, site, call, pictures.get("landscape"), body
        )
