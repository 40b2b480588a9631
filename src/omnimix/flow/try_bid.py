"""What would be answered to a bid request; what was learnt of prices.

in   a Machine, the body of a request
out  a response or the reason of a no-bid; the win curves
"""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from omnimix.activation.bid.ask import Refusal, read_asked
from omnimix.activation.bid.bidder import Bidder
from omnimix.activation.bid.curves import KEY, Curves
from omnimix.activation.bid.fit import NoBid
from omnimix.activation.bid.market import Market, Owner
from omnimix.activation.bid.price import CPM
from omnimix.activation.bid.spec import BidRules
from omnimix.activation.bid.win_curve import Tally
from omnimix.activation.decide.release import FOLDER, current, load
from omnimix.activation.decide.serving import serving
from omnimix.activation.decide.stop import stopped
from omnimix.activation.decide.token import Tokens
from omnimix.core.clock import micros
from omnimix.core.errors import NotFound
from omnimix.flow.machine import Machine
from omnimix.governance.consent.signals import Signals
from omnimix.governance.pseudonym import Pseudonyms

_WORDS = {
    NoBid.ROBOT: "a robot asks",
    NoBid.UNMATCHED: "the person may not be recognised, and [bid] without_consent is none",
    NoBid.NOTHING_FITS: "no creative fits the size, kind, language, category, attributes or currency",
    NoBid.SEAT: "our seat may not bid",
    NoBid.NOT_CHOSEN: "nothing is eligible: consent, caps, dates, lane or a stop",
    NoBid.BELOW_FLOOR: "the impression is worth less than the floor",
    NoBid.NOTHING_TO_SHOW: "nothing is published for exchanges: a placement and a campaign with a budget",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """A response, or why there is none."""

    response: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """A win curve. `middle`: the price (CPM) that wins half."""

    name: str
    bids: int
    wins: int
    middle: float
    slope: float


def try_bid(
    rules: BidRules, signals: Signals, public_url: str, machine: Machine, exchange: str, body: bytes
) -> Tried:
    """What would be answered. Raises NotFound for an unknown exchange, InvalidInput for what is no bid request."""
    if exchange not in rules.exchanges:
        there = ", ".join(rules.exchanges) or "none yet"
        raise NotFound(f"there is no exchange {exchange!r}", where="bid.exchanges", fix=f"there are: {there}")
    folder = machine.warehouse.local.root.parent / FOLDER
    found = current(folder)
    owner = Owner.of(machine.brand, currency=machine.currency, public=public_url)
    market = Market(serving(load(folder, found)), rules, owner) if found else None
    of = Pseudonyms(machine.key).of
    asked = read_asked(body, exchange, rules.exchanges[exchange], market, signals, of)
    if isinstance(asked, Refusal) or market is None:
        return _refused(asked)
    online = machine.online()
    try:
        bidder = Bidder(online, "try", Tokens(machine.key), machine.key.subkey("bid notices"), days=1)
        bidder.adopt(market)
        now_us = micros(machine.clock())
        (answer,) = bidder.bid(market, [replace(asked, test=True)], now_us, stopped(online))
    finally:
        online.close()
    return _refused(answer) if isinstance(answer, Refusal) else Tried(msgspec.json.decode(answer.body), "")


def _refused(refusal: Any) -> Tried:
    reason = refusal.reason
    return Tried(None, f"{_WORDS.get(reason, reason.name.lower().replace('_', ' '))} (nbr {int(reason)})")


def curves_of(machine: Machine) -> list[Learnt]:
    """Every win curve, by name."""

    online = machine.online()
    try:
        curves = Curves(online)
        found = []
        for key, raw in online.scan(KEY):
            name, tally = key[len(KEY) :].decode(), msgspec.msgpack.decode(raw, type=Tally)
            curve = curves.of(name)
            found.append(Learnt(name, tally.total, sum(tally.wins), curve.middle / CPM, curve.slope))
        return sorted(found, key=lambda c: c.name)
    finally:
        online.close()
