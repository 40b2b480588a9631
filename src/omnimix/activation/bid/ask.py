"""A bid request made into questions that a release can answer.

in   a request's body, the exchange that sent it, the market
out  an Asked: what could be bid upon and who it is about; or a NoBid

What the request tells of the moment becomes the context of a decision: page, kind of device, language, country.
Who it is about becomes marks, keyed pseudonyms; the ids themselves end here, and nothing is read of them where the
person may not be recognised.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from omnimix.activation.bid.fit import Money, NoBid, Opportunity, money_of, opportunities
from omnimix.activation.bid.market import Market
from omnimix.activation.bid.privacy import country_of, leave_of
from omnimix.activation.bid.request import BidRequest, Eid, User, read_request
from omnimix.activation.bid.spec import Exchange
from omnimix.activation.bid.validate import check_request
from omnimix.data.robots.words import robot_of
from omnimix.governance.consent.signals import Signals

_DEVICES = {1: "mobile", 2: "desktop", 3: "tv", 4: "mobile", 5: "tablet", 6: "mobile", 7: "tv"}
_MOST_MARKS = 8
MATCHED = "match"  # kind of a pseudonym of an exchange's id
_MATCH = b"x:"  # before it, in the online store: the mark of the same person's id with us
Named = Callable[[str, str], str]  # kind, id → pseudonym


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be bid upon. `marks`: of whom it is about, the strongest first; none: nobody known."""

    request: BidRequest
    exchange: str
    rules: Exchange
    money: Money
    chances: tuple[Opportunity, ...]
    marks: tuple[str, ...]
    context: Mapping[str, str | float | bool]
    test: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no-bid, and the request it answers."""

    request_id: str
    reason: NoBid


def read_asked(
    body: bytes, exchange: str, rules: Exchange, market: Market | None, signals: Signals, pseudonym: Named
) -> Asked | Refusal:
    """Read a request. `market` None: nothing is published. Raises InvalidInput for a body that is none."""
    request = read_request(body)
    natives = check_request(request)
    if market is None or not market.catalogue.creatives:
        return Refusal(request.id, NoBid.NOTHING_TO_SHOW)
    device = request.device
    if device is not None and robot_of(device.ua) is not None:
        return Refusal(request.id, NoBid.ROBOT)
    leave = leave_of(request, market.rules, signals)
    if not leave.bid:
        return Refusal(request.id, NoBid.UNMATCHED)
    money = money_of(request, rules, market.rates)
    if money is None:
        return Refusal(request.id, NoBid.NOTHING_FITS)
    chances = opportunities(request, natives, market.catalogue, rules, money)
    if isinstance(chances, NoBid):
        return Refusal(request.id, chances)
    marks = marks_of(request.user, exchange, rules, pseudonym) if leave.person and request.user else ()
    return Asked(request, exchange, rules, money, chances, marks, context_of(request), request.test == 1)


def marks_of(user: User, exchange: str, rules: Exchange, pseudonym: Named) -> tuple[str, ...]:
    """Pseudonyms of the ids that a request carries and we may know."""
    found = []
    if user.buyeruid:
        ours = rules.user_ids == "ours"
        found.append(
            pseudonym("anon", user.buyeruid.strip()) if ours else matched(exchange, user.buyeruid, pseudonym)
        )
    if rules.eids:
        eids: tuple[Eid, ...] = user.eids or (user.ext.eids if user.ext else None) or ()
        found += [
            matched(eid.source, uid.id, pseudonym)
            for eid in eids
            if eid.source in rules.eids
            for uid in eid.uids or ()
            if uid.id
        ]
    return tuple(found[:_MOST_MARKS])


def matched(source: str | None, text: str, pseudonym: Named) -> str:
    """The mark of an id that an exchange or another source of ids gave out."""
    return pseudonym(MATCHED, f"{source}\x1f{text.strip()}")


def is_theirs(mark: str) -> bool:
    """Whether a mark is of an id that is not ours."""
    return mark.startswith(MATCHED)


def match_key(mark: str) -> bytes:
    """Where the online store has our mark of the same person (UTF-8)."""
    return _MATCH + mark.encode()


def context_of(request: BidRequest) -> dict[str, str | float | bool]:
    """What the request says of the moment."""
    said: dict[str, str | float | bool] = {}
    site, app, device = request.site, request.app, request.device
    if site is not None:
        said["site"] = (site.domain or "")[:200]
        said["page"] = _path(site.page or "")
    elif app is not None:
        said["site"] = (app.bundle or app.domain or "")[:200]
    content = site.content if site else app.content if app else None
    language = (content.language if content else None) or (device.language if device else None)
    if language:
        said["language"] = language[:20]
    if device is not None:
        said["device"] = _DEVICES.get(device.devicetype or 0, "")
        if device.geo is not None and device.geo.country:
            said["country"] = country_of(device.geo.country[:3])
            said["region"] = (device.geo.region or "")[:20]
    return {k: v for k, v in said.items() if v}


def _path(page: str) -> str:
    """The path of a page: what stands behind may name people."""
    rest = page.partition("://")[2] or page
    return ("/" + rest.partition("/")[2]).partition("?")[0].partition("#")[0][:200]
