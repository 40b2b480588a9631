"""Which impressions of a request could be bid upon, with which creatives, on which terms.

in   a valid BidRequest, a Catalogue, the exchange's conventions
out  Opportunities; or the reason why there is none, as a number of OpenRTB's list

Everything here is about the place, nothing about the person.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from omnimix.activation.bid.creative import PICTURE_AD, Catalogue, Creative
from omnimix.activation.bid.native import NativeRequest, can_answer
from omnimix.activation.bid.price import cpm_of
from omnimix.activation.bid.request import Banner, BidRequest, Deal, Imp
from omnimix.activation.bid.spec import Exchange

_MOST_IMPS = 20  # of one request that are looked at
_USD = "USD"
_SCREEN = 0.5  # a full-screen place is filled at least so far, each way


class NoBid(IntEnum):
    """No-bid reasons (AdCOM); from 500 on our own, as the list allows."""

    UNKNOWN = 0
    TECHNICAL = 1
    INVALID = 2
    ROBOT = 4
    UNMATCHED = 8  # the person may not be recognised, and we do not bid without
    DAILY_CAP = 9
    TOO_LATE = 15
    NOTHING_FITS = 500  # no creative for size, kind, language, category, attributes or currency
    SEAT = 501  # our seat may not bid
    NOT_CHOSEN = 502  # eligibility: frequency, budget, dates, stopped …
    BELOW_FLOOR = 503
    NOTHING_TO_SHOW = 504  # no release, or none of its variants is for exchanges


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a bid may be made. `floor` in cpm of our currency."""

    floor: int
    auction: int
    deal: str | None = None


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One impression that could be bid upon."""

    imp: Imp
    fits: int  # set of creatives, never empty
    sizes: tuple[tuple[int, int], ...]  # that the place takes, as the exchange prefers them; empty for native
    native: NativeRequest | None
    secure: bool
    terms: tuple[Terms, ...]  # never empty; deals first


@dataclass(frozen=True, slots=True)
class Money:
    """The currency of the bids, and how much of each currency one unit of ours buys."""

    currency: str
    rates: Mapping[str, Decimal]

    @property
    def rate(self) -> Decimal:
        """Of the bids' currency."""
        return self.rates[self.currency]


def money_of(request: BidRequest, exchange: Exchange, rates: Mapping[str, Decimal]) -> Money | None:
    """The first currency that the exchange takes and we can reckon in. `rates` holds ours as 1."""
    for currency in request.cur or (exchange.currency,):
        if currency.upper() in rates:
            return Money(currency.upper(), rates)
    return None


def opportunities(
    request: BidRequest,
    natives: Mapping[str, NativeRequest],
    catalogue: Catalogue,
    exchange: Exchange,
    money: Money,
) -> tuple[Opportunity, ...] | NoBid:
    """What could be bid upon, at most 20 impressions."""
    if not _seated(exchange.seat, request.wseat, request.bseat):
        return NoBid.SEAT
    if request.dooh is not None:  # nobody can follow a link there, so that nothing could be learnt
        return NoBid.NOTHING_FITS
    taxonomy = request.cattax or 1
    fits = catalogue.everything
    if request.bcat:
        fits &= ~catalogue.blocked(request.bcat, taxonomy)
    if request.acat:
        fits &= catalogue.allowed(request.acat, taxonomy)
    if request.badv:
        fits &= ~catalogue.of_domains(request.badv)
    if request.wlang or request.wlangb:
        fits &= catalogue.speaking(request.wlang or request.wlangb or ())
    if not fits:
        return NoBid.NOTHING_FITS
    found = []
    for imp in request.imp[:_MOST_IMPS]:
        terms = tuple(_terms(imp, request, exchange, money))
        if (
            terms
            and (chance := _opportunity(imp, natives.get(imp.id), fits, catalogue, request, terms)) is not None
        ):
            found.append(chance)
    return tuple(found) or NoBid.NOTHING_FITS


def _seated(seat: str, allowed: tuple[str, ...] | None, blocked: tuple[str, ...] | None) -> bool:
    return not (allowed and seat not in allowed) and not (blocked and seat in blocked)


def _terms(imp: Imp, request: BidRequest, exchange: Exchange, money: Money) -> Iterable[Terms]:
    pmp = imp.pmp
    deals = [d for d in (pmp.deals or ()) if _seated(exchange.seat, d.wseat, None)] if pmp else []
    at = request.at or 2
    offered = [(deal, _floor(deal.bidfloor, deal.bidfloorcur, money)) for deal in deals]
    for deal, floor in sorted((o for o in offered if o[1] is not None), key=_by_floor):
        yield Terms(floor or 0, deal.at or at, deal.id)
    if not (pmp and pmp.private_auction):
        floor = _floor(imp.bidfloor or 0.0, imp.bidfloorcur, money)
        if floor is not None:
            yield Terms(floor, at)


def _by_floor(offered: tuple[Deal, int | None]) -> tuple[int, str]:
    return offered[1] or 0, offered[0].id


def _floor(price: float, currency: str | None, money: Money) -> int | None:
    """A floor as cpm of ours, rounded up; None in a currency we cannot reckon in."""
    if not price:
        return 0
    rate = money.rates.get((currency or _USD).upper())
    return None if rate is None else cpm_of(price, rate, up=True)


def _opportunity(
    imp: Imp,
    native: NativeRequest | None,
    fits: int,
    catalogue: Catalogue,
    request: BidRequest,
    terms: tuple[Terms, ...],
) -> Opportunity | None:
    """As a banner where one is asked for and there is one, else as a native ad."""
    secure = bool(imp.secure)
    if imp.banner is not None:
        sizes = sizes_of(imp.banner, imp, request, catalogue)
        own = _sized(sizes, catalogue, secure) & fits & ~_unwanted(imp.banner.battr, catalogue)
        if own and _takes_pictures(imp.banner):
            return Opportunity(imp, own, sizes, None, secure, terms)
    if native is not None and imp.native is not None:
        able = catalogue.able((native, secure), lambda c: can_answer(native, c, secure=secure))
        own = able & fits & ~_unwanted(imp.native.battr, catalogue)
        if own:
            return Opportunity(imp, own, (), native, secure, terms)
    return None


def _unwanted(attributes: tuple[int, ...] | None, catalogue: Catalogue) -> int:
    return catalogue.attributed(attributes) if attributes else 0


def _takes_pictures(banner: Banner) -> bool:
    if PICTURE_AD in (banner.btype or ()):
        return False
    return not banner.mimes or any(m in ("image/png", "image/jpeg", "text/html") for m in banner.mimes)


def _sized(sizes: Iterable[tuple[int, int]], catalogue: Catalogue, secure: bool) -> int:
    found = 0
    for width, height in sizes:
        found |= catalogue.sized(width, height, secure=secure)
    return found


def sizes_of(banner: Banner, imp: Imp, request: BidRequest, catalogue: Catalogue) -> tuple[tuple[int, int], ...]:
    """The sizes that a banner takes and some creative has, in the exchange's order."""
    asked: list[tuple[int, int]] = []
    for form in banner.format or ():
        if form.w and form.h:
            asked.append((form.w, form.h))
        elif form.wratio and form.hratio:
            least = form.wmin or 0
            asked += [(w, h) for w, h in catalogue.sizes if w * form.hratio == h * form.wratio and w >= least]
    if banner.w and banner.h:
        asked.append((banner.w, banner.h))
    device = request.device
    if not asked and imp.instl and device is not None and device.w and device.h:
        asked = [
            (w, h)
            for w, h in catalogue.sizes
            if _SCREEN * device.w <= w <= device.w and _SCREEN * device.h <= h <= device.h
        ]
    return tuple(dict.fromkeys(asked))


def creatives_in(fits: int, creatives: tuple[Creative, ...]) -> tuple[int, ...]:
    """The places of a set."""
    return tuple(place for place in range(len(creatives)) if fits >> place & 1)
