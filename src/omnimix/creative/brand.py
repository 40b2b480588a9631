"""The brand, as `brand.toml` tells it.

in   the tables of brand.toml
out  one frozen Brand record
"""

from datetime import date

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.creative.claim import ClaimKind


@config
class Colours:
    """Hex colours `#rrggbb`."""

    primary: str = "#1f4d3a"
    accent: str = "#d9622b"
    background: str = "#fbf6ec"
    text: str = "#1d1d1b"


@config
class BrandClaim:
    """A factual phrase the brand can prove: the text, what kind it is, and where the proof is."""

    text: str
    kind: ClaimKind
    source: str
    expires_on: date | None = None

    def __post_init__(self) -> None:
        for name in ("text", "source"):
            if not getattr(self, name).strip():
                raise InvalidInput(f"a claim has no {name}", where="claims", fix="fill it in, or remove the claim")


@config
class Words:
    """Words: never to be used, and spellings to be kept as written (names, acronyms)."""

    avoid: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


@config
class Brand:
    """Who speaks in the ads."""

    name: str
    website: str
    promise: str  # one sentence in the brand's own words, free of factual claims
    sells: str  # what the shop sells, a plural noun phrase: "gifts for the home"
    tone: tuple[str, ...] = ("warm", "plain")
    language: str = "en-GB"
    logo: str | None = None  # path inside the workspace, PNG or SVG
    heading_font: str = ""  # empty: the font in the package
    body_font: str = ""
    postal_address: str = ""  # required for e-mail
    unsubscribe_url: str = ""  # required for e-mail
    sender: str = ""  # From address of e-mail
    colours: Colours = Colours()
    words: Words = Words()
    claims: tuple[BrandClaim, ...] = ()
