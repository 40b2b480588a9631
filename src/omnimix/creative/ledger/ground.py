"""A ground: what may be said, where it is written, of which product, and until when.

in   nothing
out  Ground and Ledger records
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from omnimix.core.money import Money
from omnimix.creative.ledger.meaning import Meaning, meaning_of


@dataclass(frozen=True)
class Ground:
    """`text` is true by `source`.

    `about` is the product it is true of, None for the whole shop. `price` is set where the ground is a product's
    price. `expires_on` is its last day (inclusive), None without end.
    """

    text: str
    source: (
        str  # "catalogue:22423:price", "catalogue:22423:description", "brand.toml:claims.1", "page:returns.html"
    )
    about: str | None = None
    price: Money | None = None
    expires_on: date | None = None

    @cached_property
    def meaning(self) -> Meaning:
        """What its text says."""
        return meaning_of(self.text)


@dataclass(frozen=True)
class Ledger:
    """All grounds of a shop; `names` are the words each product is known by, by product id."""

    grounds: tuple[Ground, ...]
    names: dict[str, frozenset[str]]
    kinds: dict[str, str]  # product id → the plural noun it is sold under ("cake stands"), where it has one

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every word that some ground uses."""
        return frozenset(word for ground in self.grounds for word in ground.meaning.stems)

    @cached_property
    def telling(self) -> frozenset[str]:
        """The words that facts are made of: all but those of product names alone."""
        said = (g for g in self.grounds if not g.source.endswith((":name", ":price")))
        return frozenset(word for ground in said for word in ground.meaning.stems)

    @cached_property
    def nouns(self) -> dict[str, str]:
        """The last word of each product's name before a comma ("teapot"): what a short text calls it."""
        names = {g.about: g.text for g in self.grounds if g.source.endswith(":name") and g.about is not None}
        read = {p: [t.stem for t in meaning_of(n.split(",")[0]).tokens if t.stem] for p, n in names.items()}
        return {p: stems[-1] for p, stems in read.items() if stems}

    @cached_property
    def words(self) -> dict[str, frozenset[tuple[str, bool]]]:
        """By product, the words of its facts, each with whether it is denied; what follows from them is not in."""
        known: dict[str, set[tuple[str, bool]]] = {}
        for ground in self.grounds:
            if ground.about is not None:
                known.setdefault(ground.about, set()).update((t.stem, t.negated) for t in ground.meaning.tokens)
        return {product: frozenset(said) for product, said in known.items()}
