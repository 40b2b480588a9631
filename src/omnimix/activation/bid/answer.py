"""Bid responses: bids with their markup, or a no-bid.

in   a creative, a price, the links that lead back to us
out  a response's JSON

The markup is a picture in a link, without script. In front of the link stands the exchange's click macro, where it
has one; what follows a macro is escaped, as exchanges ask. Notices carry OpenRTB's macros for the exchange to fill
in: price, currency, loss reason, least winning price.
"""

from html import escape
from urllib.parse import quote

import msgspec

from omnimix.activation.bid.creative import Creative, Picture

BANNER, NATIVE = 1, 4  # `mtype`
WIN = "p=${AUCTION_PRICE}&cur=${AUCTION_CURRENCY}"
BILL = WIN
LOSS = "r=${AUCTION_LOSS}&m=${AUCTION_MIN_TO_WIN}&cur=${AUCTION_CURRENCY}"


class DsaAnswer(msgspec.Struct, omit_defaults=True):
    """What the Digital Services Act wants to be told."""

    behalf: str
    paid: str
    adrender: int = 0  # the exchange or publisher shows it


class BidExt(msgspec.Struct, omit_defaults=True):
    """Extensions of a bid."""

    dsa: DsaAnswer | None = None


class Bid(msgspec.Struct, omit_defaults=True):
    """One bid."""

    id: str
    impid: str
    price: float  # CPM
    adm: str
    adomain: tuple[str, ...]
    crid: str
    cid: str
    cat: tuple[str, ...]
    nurl: str
    burl: str
    lurl: str
    iurl: str = ""
    w: int | None = None
    h: int | None = None
    cattax: int = 1
    mtype: int = 0
    dealid: str | None = None
    exp: int | None = None
    language: str = ""
    ext: BidExt | None = None


class SeatBid(msgspec.Struct, omit_defaults=True):
    """The bids of one seat."""

    bid: list[Bid]
    seat: str = ""


class BidResponse(msgspec.Struct, omit_defaults=True):
    """A response. Without `seatbid` it is a no-bid, for the reason in `nbr`."""

    id: str
    seatbid: list[SeatBid] | None = None
    cur: str = ""
    nbr: int | None = None


def banner_markup(picture: Picture, creative: Creative, *, link: str, pixel: str, click_macro: str) -> str:
    """HTML of a banner. `link`: where a click goes; `pixel`: what tells that it was shown."""
    href = click_macro + escape(quote(link, safe="") if click_macro else link)
    return (
        f'<a href="{href}" target="_blank" rel="noopener sponsored">'
        f'<img src="{escape(picture.url)}" width="{picture.width}" height="{picture.height}" '
        f'alt="{escape(picture.alt or creative.headlines[0])}" style="border:0;display:block"></a>'
        f'<img src="{escape(pixel)}" width="1" height="1" alt="" style="position:absolute">'
    )


def notices(win: str, bill: str, loss: str) -> tuple[str, str, str]:
    """nurl, burl, lurl with their macros."""
    return f"{win}&{WIN}", f"{bill}&{BILL}", f"{loss}&{LOSS}"


def response(request_id: str, bids: list[Bid], *, seat: str, currency: str) -> bytes:
    """A response with bids."""
    return _ENCODER.encode(BidResponse(id=request_id, seatbid=[SeatBid(bid=bids, seat=seat)], cur=currency))


def no_bid(request_id: str, reason: int) -> bytes:
    """A no-bid that says why."""
    return _ENCODER.encode(BidResponse(id=request_id, nbr=reason))


_ENCODER = msgspec.json.Encoder()
