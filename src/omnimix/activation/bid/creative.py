"""Creatives as an exchange sees them, and which of them fit an impression.

in   what a release offers; the rules of `[bid]`
out  Creatives; a Catalogue that answers "which fit?" as a set of bits

A set of creatives is an integer: bit i stands for the i-th. What many impressions ask for alike, a size or a
blocked category, is looked up once and kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

PICTURE_AD = 2  # banner ad type (AdCOM): a picture with a link
_MOST_KEPT = 4096  # sizes that are remembered
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
    """All creatives of a release. Thread-safe: what it remembers is worked out from what never changes."""

    def __init__(self, creatives: Sequence[Creative]) -> None:
        self.creatives = tuple(creatives)
        self.everything = (1 << len(self.creatives)) - 1
        self.sizes = tuple(sorted({(p.width, p.height) for c in self.creatives for p in c.pictures}, reverse=True))
        self._sized: dict[tuple[int, int, bool], int] = {}

    def sized(self, width: int, height: int, *, secure: bool) -> int:
        """Those that have a picture of exactly that size."""
        key = (width, height, secure)
        found = self._sized.get(key)
        if found is None:
            if len(self._sized) > _MOST_KEPT:
                self._sized.clear()
            found = self._sized[key] = self._where(
                any((p.width, p.height) == (width, height) and (p.secure or not secure) for p in c.pictures)
                for c in self.creatives
            )
        return found

    def blocked(self, categories: tuple[str, ...], taxonomy: int) -> int:
        """Those of a blocked category; blocking IAB22 blocks IAB22-1, too. Where the taxonomy is another than
        ours, nobody here can say what is meant: then all are blocked."""
        if not categories:
            return 0
        return self._where(
            c.taxonomy != taxonomy or any(within(own, b) for own in c.categories for b in categories)
            for c in self.creatives
        )

    def allowed(self, categories: tuple[str, ...], taxonomy: int) -> int:
        """Those all of whose categories are within an allowed one."""
        return self._where(
            c.taxonomy == taxonomy and all(any(within(own, a) for a in categories) for own in c.categories)
            for c in self.creatives
        )

    def of_domains(self, domains: tuple[str, ...]) -> int:
        """Those of an advertiser who is named, by domain or a domain above it."""
        names = {d.strip().lower().removeprefix("www.") for d in domains}
        return self._where(any(_under(c.domain, n) for n in names) for c in self.creatives)

    def speaking(self, languages: tuple[str, ...]) -> int:
        """Those in one of the languages; of an unknown language none."""
        names = {w.lower().partition("-")[0] for w in languages}
        return self._where(c.language in names for c in self.creatives)

    def attributed(self, attributes: tuple[int, ...]) -> int:
        """Those with one of the attributes."""
        return self._where(bool(set(c.attributes) & set(attributes)) for c in self.creatives)

    @cached_property
    def places(self) -> dict[str, int]:
        """Variant → its bit."""
        return {c.variant_id: place for place, c in enumerate(self.creatives)}

    def _where(self, flags: Iterable[bool]) -> int:
        return sum(1 << place for place, flag in enumerate(flags) if flag)


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
