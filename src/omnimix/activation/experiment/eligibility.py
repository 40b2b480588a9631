"""Hard eligibility, before any ranking: what must not be shown to whom, and why.

in   an Audience (one row a person), Offerings (one a variant), the campaign's Eligibility rules
out  for each person and variant a set of reasons, as bit flags; 0 means nothing stands against it

The reasons in IRRELEVANT define irrelevance: `broad` shows regardless of them (that is what it measures),
`relevant` and every rung above obey them too. All others hold on every rung.

`excluded` looks at whole audiences for campaigns that are uploaded. What only a live call can know (quiet hours,
caps of a day, stopped campaigns, budgets …) is judged by `activation.decide.against` with the same reasons.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.creative.variant import Variant
from omnimix.data.product import Product

Codes = npt.NDArray[np.uint32]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@config
class Eligibility:
    """The hard rules of a campaign, from `[eligibility]` of its file. A cap of 0 is none; weeks are 7 days."""

    bought_within_days: int = 30  # a product bought so lately is not advertised to its buyer
    impressions_per_day: int = 0  # per person, all campaigns and channels together
    impressions_per_week: int = 8
    campaign_per_day: int = 0  # per person, of this campaign
    campaign_per_week: int = 0
    channel_per_day: int = 0  # per person, in one channel, all campaigns together
    channel_per_week: int = 0
    quiet_hours: str = ""  # "22-7": nothing from 22:00 to 7:00 in the workspace's time zone
    price_factor: float = 4.0  # further than this factor from the person's price range is far outside
    purpose: str = "advertising"  # the purpose that consent is asked for

    def __post_init__(self) -> None:
        self.quiet()

    def quiet(self) -> tuple[int, int] | None:
        """First quiet hour and first that is quiet no more, each 0–23; None without quiet hours."""
        if not self.quiet_hours:
            return None
        first, _, end = self.quiet_hours.partition("-")
        if not (first.isdecimal() and end.isdecimal() and int(first) < 24 and int(end) < 24 and first != end):
            raise InvalidInput(
                f"{self.quiet_hours!r} are no hours", where="eligibility.quiet_hours", fix='write them like "22-7"'
            )
        return int(first), int(end)


class Reason(IntFlag):
    """Why a variant is ruled out for a person."""

    NO_CONSENT = 1
    FREQUENCY_CAP = 2
    BOUGHT = 4
    OUT_OF_STOCK = 8
    LANGUAGE = 16
    REGION = 32
    PRICE = 64
    SUPPRESSED = 128  # unsubscribed from the channel, or complained
    QUIET_HOURS = 256
    DATES = 512  # not begun, or over
    PLACEMENT = 1024  # does not fit it, or the placement is for other campaigns
    STOPPED = 2048  # by the kill switch
    BUDGET = 4096  # spent, or paced
    ROBOT = 8192
    NOT_APPROVED = 16384
    SHOWN = 32768  # in an earlier slot of the same answer


IRRELEVANT = Reason.BOUGHT | Reason.OUT_OF_STOCK | Reason.LANGUAGE | Reason.REGION | Reason.PRICE
ALWAYS = Reason(sum(Reason) & ~IRRELEVANT)  # hold on every rung


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
    codes = np.zeros((len(audience), len(offers)), dtype=np.uint32)
    if not len(audience):
        return codes
    consent = audience.consents.get(rules.purpose, np.zeros(len(audience), dtype=np.bool_))
    everywhere = np.where(consent, 0, int(Reason.NO_CONSENT)).astype(np.uint32)
    everywhere |= _flag(audience.impressions >= (rules.impressions_per_week or _NO_CAP), Reason.FREQUENCY_CAP)
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
            code |= np.uint32(Reason.OUT_OF_STOCK)
        codes[:, column] = code
    return codes


def excluded_one(person: Person, offer: Offering, rules: Eligibility) -> Reason:
    """The reasons that rule one variant out for one person; empty when none does."""
    low = np.nan if person.price_low is None else person.price_low
    high = np.nan if person.price_high is None else person.price_high
    found = {
        Reason.NO_CONSENT: rules.purpose not in person.consents,
        Reason.FREQUENCY_CAP: person.impressions >= (rules.impressions_per_week or _NO_CAP),
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


_NO_CAP = 1 << 62
_BLOCKING = {rung: np.uint32(blocking(rung)) for rung in Rung}


def allowed(codes: Codes, rung: Rung) -> BoolArray:
    """Where a variant may be shown on a rung; the shape of `codes`."""
    fit: BoolArray = (codes & _BLOCKING[rung]) == 0
    return fit


@lru_cache(maxsize=4096)
def reasons(code: int) -> tuple[str, ...]:
    """The names in a code, lower case, in the order of `Reason`."""
    return tuple(str(r.name).lower() for r in Reason if code & r)


def irrelevance_rate(shown: Codes) -> float:
    """Share of what was shown that one of the irrelevance rules speaks against; 0 when nothing was shown.

    `shown` holds the code of each showing.
    """
    return float(np.mean((shown & np.uint32(IRRELEVANT)) != 0)) if shown.size else 0.0


def _flag(holds: BoolArray, reason: Reason) -> Codes:
    return holds.astype(np.uint32) * np.uint32(reason)


def _other_language(theirs: str, ours: str) -> bool:
    return bool(theirs) and theirs.split("-")[0].lower() != ours.split("-")[0].lower()


def _other_region(theirs: str, ours: frozenset[str]) -> bool:
    return bool(theirs) and bool(ours) and theirs not in ours


def _far(offer: Offering, low: FloatArray, high: FloatArray, factor: float) -> BoolArray:
    """Too dear: the cheapest product shown is above the person's range; too cheap: the dearest is below it."""
    too_dear = (offer.price_low if offer.price_low is not None else np.nan) > high * factor
    too_cheap = (offer.price_high if offer.price_high is not None else np.nan) * factor < low
    return np.asarray(too_dear | too_cheap, dtype=np.bool_)
