"""Notices: what an exchange tells us of a bid, and what it means for budget and books.

in   the address of a notice (nurl, burl, lurl) with its macros filled in
out  a Notice; the event that the books are made of; a letter to the worker that made the bid

An address holds the token of the ad's view, what the bid was (`b`), and a mark that binds both to the kind of
notice (`k`), so that nobody makes a bill of a win. Prices are read as plain decimals, CPM in the bid's currency;
exchanges that encrypt them must be asked for plain ones. A price that cannot be read counts as the bid; `AUDIT`,
with which exchanges check markup, counts for nothing. Nobody can bill more than was bid.

Any worker may get a notice; the one that made the bid finds a letter about it in the online store under
`n:<worker>:<decision>`. Writing a letter twice changes nothing.
"""

import hashlib
import hmac
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import IntEnum
from typing import Any

import msgspec

from omnimix.activation.decide.token import Token
from omnimix.core.errors import NotAllowed

WIN, BILL, LOSS = "win", "bill", "loss"  # kinds of notices
PATH = "/openrtb2/"  # before the kind, in an address
SOURCE = "openrtb"  # the source of the events that notices become
EVENTS = {WIN: "Bid Won", BILL: "Bid Billed"}
PROPERTIES = ("decision_id", "variant_id", "campaign", "exchange", "cpm", "bid_cpm", "currency", "price", "late")
AUDIT = "AUDIT"
LETTER = b"n:"
_CPM = 1_000_000
_MARK_BYTES = 9
_LONGEST_PRICE = 40


class Outcome(IntEnum):
    """What became of a bid."""

    LOST = 0
    WON = 1
    BILLED = 2


@dataclass(frozen=True, slots=True)
class Made:
    """What a bid was, as its notices carry it. `cpm` in millionths of the workspace's currency."""

    exchange: str
    cpm: int
    worker: str
    currency: str  # of the bid
    test: bool  # not billable

    def text(self) -> str:
        """As it stands in `b`."""
        return f"{self.exchange}~{self.cpm}~{self.worker}~{self.currency}~{int(self.test)}"


class Letter(msgspec.Struct, array_like=True, frozen=True):
    """What the worker that made a bid must know. `cpm`: what was billed, or the least that would have won; 0: not
    told."""

    outcome: int
    cpm: int
    campaign: str


class Marker:
    """Marks that bind a token and a bid to a kind of notice (keyed BLAKE2b, RFC 7693, 72 bits)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, kind: str, token: str, made: str) -> str:
        """The mark."""
        told = f"{kind}\x1f{token}\x1f{made}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(told, digest_size=_MARK_BYTES, key=self._secret[:64]).hexdigest()

    def check(self, mark: str, kind: str, token: str, made: str) -> Made:
        """What the bid was. Raises NotAllowed for an address that we did not make."""
        if not hmac.compare_digest(mark.encode("utf-8", "surrogatepass"), self.of(kind, token, made).encode()):
            raise NotAllowed("the notice is not one of ours", fix="call addresses as they were given out")
        exchange, cpm, worker, currency, test = made.split("~")
        return Made(exchange, int(cpm), worker, currency, test == "1")


def told_cpm(text: str, rate: Decimal) -> int | None:
    """A price as an exchange tells it, as cpm of ours; `rate`: how much of its currency one unit of ours buys.

    None where it is no price: not filled in, encrypted, negative.
    """
    if len(text) > _LONGEST_PRICE:
        return None
    try:
        price = Decimal(text.strip())
    except InvalidOperation:
        return None
    if not price.is_finite() or price < 0 or price.adjusted() > 12:
        return None
    return int((price / rate * _CPM).to_integral_value(ROUND_HALF_EVEN))


def billed_cpm(text: str, made: Made, rate: Decimal) -> int | None:
    """What a bill costs (cpm of ours); None for a bill that is none: a test, a check of the markup."""
    if made.test or text.strip() == AUDIT:
        return None
    told = told_cpm(text, rate)
    return made.cpm if told is None else min(told, made.cpm)


def event_of(kind: str, token: Token, made: Made, *, cpm: int, price: str, late: bool) -> dict[str, Any]:
    """The track event of a win or a bill. The same notice again has the same message id."""
    return {
        "type": "track",
        "messageId": f"{kind}_{token.decision_id}",
        "event": EVENTS[kind],
        "properties": {
            "decision_id": token.decision_id,
            "variant_id": token.variant_id,
            "campaign": token.campaign,
            "exchange": made.exchange,
            "cpm": str(cpm),
            "bid_cpm": str(made.cpm),
            "currency": made.currency,
            "price": price[:_LONGEST_PRICE],
            "late": str(late).lower(),
        },
    }


def letter_key(worker: str, decision_id: str) -> bytes:
    """Where a letter lies."""
    return LETTER + f"{worker}:{decision_id}".encode()


def letters_to(worker: str) -> bytes:
    """The prefix of a worker's letters."""
    return LETTER + f"{worker}:".encode()


def sealed(letter: Letter) -> bytes:
    """A letter as the store holds it."""
    return msgspec.msgpack.encode(letter)


def opened(raw: bytes) -> Letter:
    """The inverse."""
    return _LETTER.decode(raw)


_LETTER = msgspec.msgpack.Decoder(Letter)
