"""Angles: the ways into a subject, and the evidence that argues for each.

in   a persona (None: everybody), the campaign, the chosen products and their buyers
out  Angle records, the strongest first; every one quotes what argues for it

The set is closed, so that results add up over campaigns. None of them rests on a protected trait, and none
tells the reader what is known about them: an angle decides which true things are said, not what is said
about the reader.

    discovery    what there is to find            quality      things chosen well, worth having
    popular      what many customers bought       convenience  easy, unhurried buying
    value        prices, named plainly            loyalty      one more for the shelf
    occasion     a moment the things are for      win_back     a fresh look
    plenty       enough for many
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from omnimix.audience.persona.persona import Kind, Persona, Statement
from omnimix.creative.brief.brief import Angle
from omnimix.creative.brief.phrase import count_text
from omnimix.creative.campaign import Campaign
from omnimix.data.product import Product

ANGLES = (
    "discovery",
    "popular",
    "value",
    "occasion",
    "quality",
    "convenience",
    "loyalty",
    "win_back",
    "plenty",
)
_NO_ARGUMENT = frozenset(
    {Kind.MOMENT, Kind.WORD, Kind.RANGE, Kind.OBJECTION, Kind.VALUE}
)  # true, but argue for none
FEW_BUYERS = 50  # a count below this is no argument
_OCCASION = re.compile(r"christmas|party|parties|gift|birthday|wedding|easter|season|advent|picnic", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Signal:
    """A measured difference that argues for an angle: a metric, and the side of the base it must lie on."""

    angle: str
    metric: str
    side: int  # +1: above the base, -1: below
    weight: float
    says: str


_FRESH, _MANY, _MORE = (
    "invites a fresh look without saying why",
    "speaks of enough for many",
    "shows how much there is",
)
_SIGNALS = (
    _Signal("win_back", r"absence|recency|since.*order|without an order", 1, 1.0, _FRESH),
    _Signal("plenty", r"quantity|units", 1, 1.0, _MANY),
    _Signal("plenty", r"order value|average_order", 1, 0.7, _MANY),
    _Signal(
        "loyalty",
        r"\btrust$|^(?:(?:mean|median|average|number of) )?orders\b|frequency",
        1,
        0.9,
        "offers one more",
    ),
    _Signal("discovery", r"\brange$|breadth|categories", 1, 0.7, _MORE),
    _Signal("discovery", r"\bbasket$|lines_per_order", 1, 0.6, _MORE),
    _Signal("discovery", r"\brange$|breadth|categories", -1, 0.5, "introduces more of the shop"),
    _Signal("value", r"better price|discount", 1, 1.0, "names prices plainly"),
    _Signal("value", r"unit price|median.price", -1, 1.0, "names prices plainly"),
    _Signal("quality", r"unit price|median.price", 1, 1.0, "dwells on the things, not on what they cost"),
    _Signal("quality", r"return_share|returned", 1, 0.6, "describes things exactly"),
    _Signal("popular", r"second order|single order", 1, 0.8, "reassures with what others bought"),
    _Signal(
        "popular",
        r"^(?:(?:mean|median|average|number of) )?orders\b",
        -1,
        0.6,
        "reassures with what others bought",
    ),
    _Signal("convenience", r"basket left", 1, 0.8, "makes buying sound easy"),
    _Signal("convenience", r"evening|night|weekend|hour", 1, 0.5, "makes buying sound unhurried"),
)


def choose_angles(
    persona: Persona | None,
    campaign: Campaign,
    products: Sequence[Product],
    buyers: Mapping[str, int],
    *,
    count: int,
) -> tuple[Angle, ...]:
    """At least `count` angles (at most all of ANGLES), those with evidence of their own first."""
    scored: dict[str, tuple[float, str]] = {}
    if persona is not None:
        for angle, score, why in (*_from_statements(persona), *_from_means(persona)):
            if score > scored.get(angle, (0.0, ""))[0]:
                scored[angle] = (score, why)
    ranked = sorted(scored, key=lambda a: (-scored[a][0], ANGLES.index(a)))
    angles = [Angle(a, scored[a][1]) for a in ranked]
    for key, why in _from_campaign(campaign, products, buyers):
        if len(angles) >= max(count, 3):
            break
        if key not in scored:
            angles.append(Angle(key, why))
            scored[key] = (0.0, why)
    return tuple(angles)


def _from_statements(persona: Persona) -> list[tuple[str, float, str]]:
    found = []
    for s in persona.statements:
        if s.kind in _NO_ARGUMENT:
            continue
        if s.kind is Kind.CATEGORY and s.value > s.base and _OCCASION.search(f"{s.subject} {s.text}"):
            found.append(("occasion", 0.9 * _distance(s.value, s.base), _why(s, "speaks of the moment")))
            continue
        about = f"{s.metric} {s.subject}"
        side = 1 if s.value > s.base else -1
        for signal in _SIGNALS:
            if signal.side == side and re.search(signal.metric, about):
                found.append(
                    (signal.angle, signal.weight * (0.5 + _distance(s.value, s.base)), _why(s, signal.says))
                )
    return found


def _why(statement: Statement, says: str) -> str:
    return f"“{statement.text.strip().rstrip('.')}.” So the copy {says}."


def _from_means(persona: Persona) -> list[tuple[str, float, str]]:
    """Angles from the segment's own means, where no statement was made of them."""
    means, base = persona.segment.means, persona.segment.base_means
    found = []
    for name in sorted(means.keys() & base.keys()):
        value, usual = means[name], base[name]
        if min(value, usual) <= 0 or _distance(value, usual) < 0.4:
            continue
        side = 1 if value > usual else -1
        for signal in _SIGNALS:
            if signal.side == side and re.search(signal.metric, name):
                words = name.replace("_", " ").removesuffix(" minor")
                why = f"Their mean {words} is {value:,.3g}, everybody's {usual:,.3g}. So the copy {signal.says}."
                found.append((signal.angle, signal.weight * 0.5 * _distance(value, usual), why))
    return found


def _distance(value: float, base: float) -> float:
    """How far apart two measurements are: |log ratio|, at most 2; 1 where a ratio makes no sense."""
    if value <= 0 or base <= 0:
        return 1.0 if value != base else 0.0
    return min(2.0, abs(log(value / base)))


def _from_campaign(
    campaign: Campaign, products: Sequence[Product], buyers: Mapping[str, int]
) -> list[tuple[str, str]]:
    """What argues for an angle when nothing is known of the readers: the offer, the orders, the catalogue."""
    found: list[tuple[str, str]] = []
    categories = sorted({p.category for p in products})
    top = max(products, key=lambda p: (buyers.get(p.product_id, 0), p.product_id))
    wide = f"The brief draws on {len(categories)} categories ({', '.join(categories[:3])} …)."
    found.append(("discovery", wide if len(categories) > 1 else "Nothing is assumed about what the reader knows."))
    if buyers.get(top.product_id, 0) >= FEW_BUYERS:
        found.append(("popular", f"{top.name} was bought by {count_text(buyers[top.product_id])} customers."))
    occasions = sorted({c for c in categories if _OCCASION.search(c)})
    if campaign.offer is not None:
        found.append(("value", f"The campaign offers {campaign.offer.text}."))
    if occasions or _OCCASION.search(campaign.name):
        found.append(("occasion", f"The campaign is about {', '.join(occasions) or campaign.name}."))
    priced = [p for p in products if p.price is not None]
    spread = f"{len(priced)} of {len(products)} products have a price in the catalogue."
    found += [("quality", "The catalogue describes each thing by what it is made of and for.")]
    found += [("convenience", "Everything can be bought on one page."), ("value", spread)]
    found += [("occasion", "The things can be given as well as kept.")]
    found += [("loyalty", "The products go with one another."), ("plenty", "Several of one kind can be ordered.")]
    found += [("win_back", "A second look costs nothing.")]
    reasons: dict[str, str] = {}
    for key, why in found:
        reasons.setdefault(key, why)
    return list(reasons.items())
