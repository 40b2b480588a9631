"""A variant: one creative, with everything a channel may need of it.

in   copy and images made for a brief
out  Variant records, identified by the digest of their content
"""

from dataclasses import dataclass

from omnimix.core.hashing import digest
from omnimix.creative.claim import Claim


@dataclass(frozen=True, slots=True)
class EmailCopy:
    """The words of an e-mail; `body` is a tuple of paragraphs."""

    subject: str
    preheader: str
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """One rendered picture. `size` is landscape, square, portrait, story, leaderboard, rectangle or skyscraper."""

    size: str
    width: int
    height: int
    path: str  # relative to the workspace's out folder
    sha256: str
    alt_text: str
    contrast: float  # lowest text contrast ratio in it, WCAG 2.2
    with_photo: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One creative: words, pictures, and the claims they rest on."""

    campaign: str
    brief: str  # `broad` or a segment's key
    angle: str
    step: int  # 0-based place in the story that the `sequence` rung tells
    headlines: tuple[str, ...]  # ≥ 15, each ≤ 30 display columns; the first leads
    descriptions: tuple[str, ...]  # ≥ 4, each ≤ 90; the first leads
    long_headline: str  # ≤ 90
    primary_text: str  # ≤ 125, the body of a social ad
    call_to_action: str  # SHOP_NOW, LEARN_MORE, SIGN_UP, GET_OFFER
    email: EmailCopy
    keywords: tuple[str, ...]
    product_ids: tuple[str, ...]
    final_url: str
    claims: tuple[Claim, ...]
    images: tuple[Image, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of all content, pictures included: what an approval is bound to."""
        return digest(self)

    @property
    def variant_id(self) -> str:
        """Readable and unique inside a campaign: brief, angle and the head of the copy's digest."""
        words = (self.headlines, self.descriptions, self.long_headline, self.primary_text, self.email)
        return f"{self.brief}-{self.angle}-{digest(words)[:8]}"
