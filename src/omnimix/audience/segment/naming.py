"""Readable names for segments, from what sets each apart.

in   Portraits: how far a group's typical member is from everybody's
out  Names: unique, the same for the same portraits; keys are slugs
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omnimix.audience.segment.matrix import ABROAD, Matrix
from omnimix.audience.segment.scale import signed_log

_CLEAR = 0.7  # standard deviations of the base from which a difference is worth a name
_LEANING = 0.12  # a category's share must be so much above the base's, and half as high again
_SCALED = (
    "units_per_line",
    "average_order_minor",
    "median_price_minor",
    "lines_per_order",
    "orders",
    "discount_share",
    "return_share",
)


@dataclass(frozen=True, slots=True)
class Names:
    """A slug and the name it comes from."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """What naming looks at. `apart` is in standard deviations of the base; medians in days and orders."""

    apart: dict[str, float]
    leaning: tuple[tuple[str, float], ...]  # category, share above the base; the strongest first
    recency: float
    base_recency: float
    orders: float
    base_orders: float
    abroad: float
    base_abroad: float
    fixed: str | None = None  # a group by definition, with a name of its own

    @classmethod
    def of(cls, rows: Matrix, inside: npt.NDArray[np.bool_], *, fixed: str | None = None) -> "Portrait":
        """The portrait of the people `inside`, against everybody with an order."""
        buyers = rows.rows(rows.column("orders") > 0)
        group = rows.rows(inside)
        base = buyers if buyers.profiles else rows
        apart = {}
        for column in _SCALED:
            all_of, own = signed_log(base.column(column)), signed_log(group.column(column))
            spread = float(all_of.std())
            apart[column] = round(float(own.mean() - all_of.mean()) / spread, 6) if spread > 0 else 0.0
        leaning = []
        for column in rows.family("category_share"):
            own_share, share = float(group.column(column).mean()), float(base.column(column).mean())
            if own_share - share >= _LEANING and own_share >= 1.5 * share:
                leaning.append((column.partition(":")[2], round(own_share - share, 6)))
        return cls(
            apart,
            tuple(sorted(leaning, key=lambda pair: (-pair[1], pair[0]))),
            float(np.median(group.column("recency_days"))),
            float(np.median(base.column("recency_days"))),
            float(np.median(group.column("orders"))),
            float(np.median(base.column("orders"))),
            float(group.column(ABROAD).mean()),
            float(base.column(ABROAD).mean()),
            fixed,
        )


def names(portraits: Sequence[Portrait], *, taken: Iterable[str] = ()) -> tuple[Names, ...]:
    """A name for each portrait, in order. Where two would be called the same, the later one says more.

    `taken` are keys that are not to be given.
    """
    taken = set(taken)
    found = []
    for portrait in portraits:
        name = next(n for n in _wordings(portrait) if slug(n) not in taken)
        taken.add(slug(name))
        found.append(Names(slug(name), name))
    return tuple(found)


def slug(text: str) -> str:
    """Lower-case words joined by hyphens; `segment` when no Latin letter or digit is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().replace("&", "and")).strip("-") or "segment"


def _wordings(portrait: Portrait) -> Iterable[str]:
    """Names that fit, the shortest first; endless."""
    if portrait.fixed is not None:
        yield "Visitors yet to buy"
    when = _when(portrait)
    nouns = tuple(_nouns(portrait))
    adjective = when if when != "Loyal" or nouns[0] == "regulars" else ""
    plain = f"{adjective} {nouns[0]}".strip()
    more = tuple(_more(portrait, without=nouns[0]))
    if adjective or len(nouns) > 1 or not more:
        yield _capital(plain)
    for count in range(1, len(more) + 1):
        yield _capital(f"{plain} {' and '.join(more[:count])}")
    for number in range(2, 1_000):
        yield _capital(f"{plain} {number}")


def _when(portrait: Portrait) -> str:
    if portrait.recency >= 1.8 * max(portrait.base_recency, 15):
        return "Lapsed"
    if portrait.orders >= max(3, 1.8 * portrait.base_orders):
        return "Loyal"
    if portrait.recency <= 0.75 * portrait.base_recency:
        return "Recent"
    return ""


def _nouns(portrait: Portrait) -> Iterable[str]:
    apart = portrait.apart
    if apart["units_per_line"] >= 1:
        yield "bulk buyers"
    if portrait.leaning:
        yield f"{in_sentence(portrait.leaning[0][0])} shoppers"
    if portrait.abroad >= 0.5 and portrait.base_abroad < 0.3:
        yield "overseas buyers"
    if portrait.orders >= max(3, 1.8 * portrait.base_orders):
        yield "regulars"
    if apart["discount_share"] >= _CLEAR:
        yield "bargain hunters"
    if apart["median_price_minor"] >= _CLEAR:
        yield "premium shoppers"
    if apart["return_share"] >= 1:
        yield "frequent returners"
    yield "one-time buyers" if portrait.orders <= 1 else "occasional buyers"


_PHRASES = (
    ("average_order_minor", 1, "with big baskets"),
    ("average_order_minor", -1, "with small baskets"),
    ("median_price_minor", 1, "at higher prices"),
    ("median_price_minor", -1, "at lower prices"),
    ("units_per_line", 1, "in larger quantities"),
    ("units_per_line", -1, "of single pieces"),
    ("lines_per_order", 1, "with varied baskets"),
    ("lines_per_order", -1, "with few products"),
    ("discount_share", 1, "below the usual price"),
    ("discount_share", -1, "at full price"),
    ("orders", 1, "with many orders"),
    ("orders", -1, "with few orders"),
)


def _more(portrait: Portrait, *, without: str) -> Iterable[str]:
    """What else sets them apart, the strongest first; nothing that the noun already says."""
    said = {"bulk buyers": "units_per_line", "regulars": "orders", "premium shoppers": "median_price_minor"}
    strength = [
        (sign * portrait.apart[column], phrase)
        for column, sign, phrase in _PHRASES
        if said.get(without) != column and sign * portrait.apart[column] > 0.2
    ]
    return (phrase for _strength, phrase in sorted(strength, key=lambda pair: (-pair[0], pair[1])))


_OWN_NAMES = frozenset(
    {"christmas", "easter", "halloween", "valentine", "diwali", "hanukkah", "english", "french"}
)


def in_sentence(heading: str) -> str:
    """A product heading inside a sentence: lower case, but for names (Christmas) and the like of DIY, T-shirts."""

    def lowered(word: str) -> str:
        stem = word.lower().strip("’'").removesuffix("s").strip("’'")
        named = stem in {n.removesuffix("s") for n in _OWN_NAMES}
        return word if named or word[1:2].isupper() or word[1:2] == "-" else word[:1].lower() + word[1:]

    return " ".join(lowered(w) for w in heading.split(" "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
