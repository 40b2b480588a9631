"""Creatives as an exchange sees them, and which of them fit an impression.

in   what a release offers; the rules of `[bid]`
out  Creatives; a Catalogue that answers "which fit?" as a set of bits

A set of creatives is an integer: bit i stands for the i-th. What many impressions ask for alike, a size or a
blocked category, is looked up once and kept.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

PICTURE_AD = 2  # banner ad type (AdCOM): a picture with a link
_MOST_KEPT = 4096  # answers that are remembered
ATTRIBUTES: tuple[int, ...] = ()  # of ours (AdCOM, Creative Attributes): pictures that stand still have none


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, where browsers find it."""

    url: str
    width: int
    height: int
    alt: str = ""

    @property
    def secure(self) -> bool:
        """Whether it comes over https."""
        return self.url.startswith("https://")

    @property
    def mime(self) -> str:
        """Its type."""
        return "image/jpeg" if self.url.endswith((".jpg", ".jpeg")) else "image/png"


@dataclass(frozen=True, slots=True)
class Creative:
    """One approved variant as a bid may show it."""

    variant_id: str
    campaign: str
    digest: str  # of what was approved
    headlines: tuple[str, ...]
    descriptions: tuple[str, ...]
    call_to_action: str  # in words: Shop now
    brand: str
    domain: str  # of the advertiser, registrable: shop.example
    landing: str
    pictures: tuple[Picture, ...]
    language: str  # ISO 639-1; "" unknown
    categories: tuple[str, ...]
    taxonomy: int = 1
    attributes: tuple[int, ...] = ATTRIBUTES


class Catalogue:
    """All creatives of a release. What it remembers is worked out from what never changes."""

    def __init__(self, creatives: Sequence[Creative]) -> None:
        self.creatives = tuple(creatives)
        self.everything = (1 << len(self.creatives)) - 1
        self.sizes = tuple(sorted({(p.width, p.height) for c in self.creatives for p in c.pictures}, reverse=True))
        self._known: dict[tuple[object, ...], int] = {}

    def sized(self, width: int, height: int, *, secure: bool) -> int:
        """Those that have a picture of exactly that size."""
        return self._where(
            ("size", width, height, secure),
            lambda c: any((p.width, p.height) == (width, height) and (p.secure or not secure) for p in c.pictures),
        )

    def blocked(self, categories: tuple[str, ...], taxonomy: int) -> int:
        """Those of a blocked category; blocking IAB22 blocks IAB22-1, too. Where the taxonomy is another than
        ours, nobody here can say what is meant: then all are blocked."""
        return self._where(
            ("bcat", categories, taxonomy),
            lambda c: c.taxonomy != taxonomy or any(within(own, b) for own in c.categories for b in categories),
        )

    def allowed(self, categories: tuple[str, ...], taxonomy: int) -> int:
        """Those all of whose categories are within an allowed one."""
        return self._where(
            ("acat", categories, taxonomy),
            lambda c: (
                c.taxonomy == taxonomy and all(any(within(own, a) for a in categories) for own in c.categories)
            ),
        )

    def of_domains(self, domains: tuple[str, ...]) -> int:
        """Those of an advertiser who is named, by domain or a domain above it."""
        return self._where(
            ("badv", domains),
            lambda c: any(_under(c.domain, d.strip().lower().removeprefix("www.")) for d in domains),
        )

    def speaking(self, languages: tuple[str, ...]) -> int:
        """Those in one of the languages; of an unknown language none."""
        names = {w.lower().partition("-")[0] for w in languages}
        return self._where(("wlang", languages), lambda c: c.language in names)

    def attributed(self, attributes: tuple[int, ...]) -> int:
        """Those with one of the attributes."""
        return self._where(("battr", attributes), lambda c: not set(attributes).isdisjoint(c.attributes))

    def able(self, key: tuple[object, ...], can: Callable[[Creative], bool]) -> int:
        """Those that can do what `key` stands for."""
        return self._where(("can", *key), can)

    def _where(self, key: tuple[object, ...], holds: Callable[[Creative], bool]) -> int:
        """The creatives for which it holds; what was asked before is known."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            found = self._known[key] = sum(1 << place for place, c in enumerate(self.creatives) if holds(c))
        return found


def picture_of(creative: Creative, sizes: Iterable[tuple[int, int]], *, secure: bool) -> Picture | None:
    """The creative's picture of the first size that it has."""
    for width, height in sizes:
        for picture in creative.pictures:
            if (picture.width, picture.height) == (width, height) and (picture.secure or not secure):
                return picture
    return None


def within(category: str, above: str) -> bool:
    """Whether a category is another one or below it: IAB22-1 is within IAB22."""
    return category == above or category.startswith(f"{above}-")


def _under(domain: str, above: str) -> bool:
    return bool(above) and (domain == above or domain.endswith(f".{above}"))
