"""Hard eligibility, before any ranking: what must not be shown to whom, and why.

in   an Audience (one row a person), Offerings (one a variant), the campaign's Eligibility rules
out  for each person and variant a set of reasons, as bit flags; 0 means nothing stands against it

Consent and the frequency cap hold on every rung. The other reasons define irrelevance: `broad` shows regardless
of them (that is what it measures), `relevant` and every rung above obey all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.record import config
from omnimix.creative.variant import Variant
from omnimix.data.product import Product

Codes = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@config
class Eligibility:
    """The hard rules of a campaign, from `[eligibility]` of its file."""

    bought_within_days: int = 30  # a product bought so lately is not advertised to its buyer
    impressions_per_week: int = 8  # per person, all channels together
    price_factor: float = 4.0  # further than this factor from the person's price range is far outside
    purpose: str = "advertising"  # the purpose that consent is asked for


class Reason(IntFlag):
    """Why a variant is ruled out for a person."""

    NO_CONSENT = 1
    FREQUENCY_CAP = 2
    BOUGHT = 4
    OUT_OF_STOCK = 8
    LANGUAGE = 16
    REGION = 32
    PRICE = 64


ALWAYS = Reason.NO_CONSENT | Reason.FREQUENCY_CAP  # hold on every rung
IRRELEVANT = Reason.BOUGHT | Reason.OUT_OF_STOCK | Reason.LANGUAGE | Reason.REGION | Reason.PRICE


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules need to know of one person. Empty or None means unknown; only unknown consent excludes."""

    profile_id: str
    consents: frozenset[str] = frozenset()  # purposes granted
    language: str = ""  # BCP 47
    country: str = ""  # ISO 3166 alpha-2
    bought: frozenset[str] = frozenset()  # product ids bought within `bought_within_days`
    price_low: float | None = None  # minor units: what the person usually pays for one piece
    price_high: float | None = None
    impressions: int = 0  # this week, all channels


@dataclass(frozen=True, slots=True)
class Offering:
    """What the rules need to know of one variant. The leading product stands for what the ad is about."""

    variant_id: str
    language: str  # BCP 47
    countries: frozenset[str]  # empty: everywhere
    leading: str | None  # product id
    in_stock: bool  # the leading product
    price_low: float | None  # the cheapest product shown, minor units
    price_high: float | None  # the dearest


@dataclass(frozen=True, slots=True)
class Audience:
    """N people in columns. `bought` is a list of (row, product id) pairs in two arrays of equal length."""

    profile_ids: Sequence[str]  # N
    consents: Mapping[str, BoolArray]  # purpose → (N,); a purpose that is missing was granted by nobody
    languages: npt.NDArray[np.str_]  # (N,), empty: unknown
    countries: npt.NDArray[np.str_]  # (N,)
    bought_rows: npt.NDArray[np.int64]  # (M,)
    bought_products: npt.NDArray[np.str_]  # (M,)
    price_low: FloatArray  # (N,), NaN: unknown
    price_high: FloatArray  # (N,)
    impressions: npt.NDArray[np.int64]  # (N,)

    def __len__(self) -> int:
        return len(self.profile_ids)

    def person(self, row: int) -> Person:
        """The same knowledge of one row."""
        low, high = float(self.price_low[row]), float(self.price_high[row])
        return Person(
            profile_id=str(self.profile_ids[row]),
            consents=frozenset(purpose for purpose, granted in self.consents.items() if granted[row]),
            language=str(self.languages[row]),
            country=str(self.countries[row]),
            bought=frozenset(self.bought_products[self.bought_rows == row].tolist()),
            price_low=None if np.isnan(low) else low,
            price_high=None if np.isnan(high) else high,
            impressions=int(self.impressions[row]),
        )


def offerings(
    variants: Iterable[Variant],
    products: Iterable[Product],
    *,
    language: str,
    countries: Iterable[str],
) -> tuple[Offering, ...]:
    """One Offering a variant. A leading product the catalogue does not know counts as out of stock."""
    known = {p.product_id: p for p in products}
    places = frozenset(countries)
    made = []
    for variant in variants:
        shown = [known[p] for p in variant.product_ids if p in known]
        prices = [float(p.price.minor) for p in shown if p.price is not None]
        leading = variant.product_ids[0] if variant.product_ids else None
        made.append(
            Offering(
                variant_id=variant.variant_id,
                language=language,
                countries=places,
                leading=leading,
                in_stock=leading is None or (leading in known and known[leading].in_stock),
                price_low=min(prices, default=None),
                price_high=max(prices, default=None),
            )
        )
    return tuple(made)


def excluded(audience: Audience, offers: Sequence[Offering], rules: Eligibility) -> Codes:
    """(N, V) reason flags for each person and variant. Linear in N · V, about 50 ns a pair."""
    codes = np.zeros((len(audience), len(offers)), dtype=np.uint8)
    if not len(audience):
        return codes
    consent = audience.consents.get(rules.purpose, np.zeros(len(audience), dtype=np.bool_))
    everywhere = np.where(consent, 0, int(Reason.NO_CONSENT)).astype(np.uint8)
    everywhere |= _flag(audience.impressions >= rules.impressions_per_week, Reason.FREQUENCY_CAP)
    languages, spoken = np.unique(audience.languages, return_inverse=True)
    countries, living = np.unique(audience.countries, return_inverse=True)
    for column, offer in enumerate(offers):
        wrong_language = np.array([_other_language(str(x), offer.language) for x in languages], dtype=np.bool_)
        wrong_country = np.array([_other_region(str(x), offer.countries) for x in countries], dtype=np.bool_)
        code = everywhere | _flag(wrong_language[spoken], Reason.LANGUAGE)
        code |= _flag(wrong_country[living], Reason.REGION)
        code |= _flag(_far(offer, audience.price_low, audience.price_high, rules.price_factor), Reason.PRICE)
        if offer.leading is not None:
            code[audience.bought_rows[audience.bought_products == offer.leading]] |= int(Reason.BOUGHT)
        if not offer.in_stock:
            code |= np.uint8(Reason.OUT_OF_STOCK)
        codes[:, column] = code
    return codes


def excluded_one(person: Person, offer: Offering, rules: Eligibility) -> Reason:
    """The reasons that rule one variant out for one person; empty when none does."""
    low = np.nan if person.price_low is None else person.price_low
    high = np.nan if person.price_high is None else person.price_high
    found = {
        Reason.NO_CONSENT: rules.purpose not in person.consents,
        Reason.FREQUENCY_CAP: person.impressions >= rules.impressions_per_week,
        Reason.BOUGHT: offer.leading in person.bought,
        Reason.OUT_OF_STOCK: not offer.in_stock,
        Reason.LANGUAGE: _other_language(person.language, offer.language),
        Reason.REGION: _other_region(person.country, offer.countries),
        Reason.PRICE: bool(_far(offer, np.array([low]), np.array([high]), rules.price_factor)[0]),
    }
    total = Reason(0)
    for reason, holds in found.items():
        if holds:
            total |= reason
    return total


def blocking(rung: Rung) -> Reason:
    """The reasons that hold on a rung. `none` shows nothing anyway; every reason is named as holding."""
    return ALWAYS if rung is Rung.BROAD else ALWAYS | IRRELEVANT


_NAMED = [tuple(str(r.name).lower() for r in Reason if code & r) for code in range(128)]
_BLOCKING = {rung: np.uint8(blocking(rung)) for rung in Rung}


def allowed(codes: Codes, rung: Rung) -> BoolArray:
    """Where a variant may be shown on a rung; the shape of `codes`."""
    fit: BoolArray = (codes & _BLOCKING[rung]) == 0
    return fit


def reasons(code: int) -> tuple[str, ...]:
    """The names in a code, lower case, in the order of `Reason`."""
    return _NAMED[code]


def irrelevance_rate(shown: Codes) -> float:
    """Share of what was shown that one of the irrelevance rules speaks against; 0 when nothing was shown.

    `shown` holds the code of each showing.
    """
    return float(np.mean((shown & np.uint8(IRRELEVANT)) != 0)) if shown.size else 0.0


def _flag(holds: BoolArray, reason: Reason) -> Codes:
    return holds.astype(np.uint8) * np.uint8(reason)


def _other_language(theirs: str, ours: str) -> bool:
    return bool(theirs) and theirs.split("-")[0].lower() != ours.split("-")[0].lower()


def _other_region(theirs: str, ours: frozenset[str]) -> bool:
    return bool(theirs) and bool(ours) and theirs not in ours


def _far(offer: Offering, low: FloatArray, high: FloatArray, factor: float) -> BoolArray:
    """Too dear: the cheapest product shown is above the person's range; too cheap: the dearest is below it."""
    too_dear = (offer.price_low if offer.price_low is not None else np.nan) > high * factor
    too_cheap = (offer.price_high if offer.price_high is not None else np.nan) * factor < low
    return np.asarray(too_dear | too_cheap, dtype=np.bool_)
