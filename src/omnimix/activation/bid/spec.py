"""`[bid]` of omnimix.toml: which exchanges may ask, what a bid says, how careful it is.

in   the table's keys
out  frozen records
"""

import re
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal, InvalidOperation
from typing import Literal
from urllib.parse import urlsplit

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config

_LONGEST_LIFE = 86_400


@config
class Exchange:
    """`[bid.exchanges.NAME]`: one exchange's conventions.

    `key` stands in the address it calls: /openrtb2/bid?key=KEY. `click_macro` is put before the landing link, as
    the exchange writes it: `{clickurl}`, `%%CLICK_URL_ESC%%`, or `$${CLICK_URL}`, where `$$` keeps what is no
    environment variable. `reserve_ms` of its `tmax` are left for the way there and back. `user_ids`: `ours`, when
    its match table holds our ids (buyeruid is the person's anonymous_id); `matched`, when ours holds theirs
    (`omnimix bid match`). `eids` names sources of ids that are matched the same way. `billed_on`: the notice that
    means money: `bill` (burl), or `win` where it sends none.
    """

    key: str = field(repr=False)
    seat: str = ""  # our seat there; bids on private terms may depend on it
    currency: str = "USD"  # where a request names none
    no_bid: Literal["empty", "reason"] = "empty"  # 204, or 200 with `nbr`
    click_macro: str = ""
    billed_on: Literal["bill", "win"] = "bill"
    reserve_ms: int = 20
    user_ids: Literal["ours", "matched"] = "matched"
    eids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.~-]{16,200}", self.key):
            raise InvalidInput(
                "a key has 16 letters, digits or more, and nothing that an address would escape",
                where="bid.exchanges.key",
                fix="make one: python -c 'import secrets; print(secrets.token_urlsafe(24))'",
            )
        if self.reserve_ms < 0:
            raise InvalidInput("it is below 0", where="bid.exchanges.reserve_ms", fix="give milliseconds")


@config
class BidRules:
    """`[bid]`. Without exchanges nobody can ask.

    The value of an impression is the margin that the model expects of it, `quantile` of its posterior, times
    `caused`: the share of the margin after an ad that the ad brought about (the ladder's `none` lane measures it).
    Where no model speaks, `margin_per_thousand` holds, an assumption; left empty there is then no bid.
    """

    exchanges: Mapping[str, Exchange] = field(default_factory=dict, repr=False)
    placement: str = "exchange"  # a name in [placements]: what exchanges buy; its channel is what caps count by
    pictures: str = ""  # where browsers reach the folder `out`: https://cdn.shop.example/ads
    quantile: float = 0.25
    caused: float = 0.5
    margin_per_thousand: str = ""
    most_per_thousand: str = "20"  # no bid is higher
    explore: float = 0.05  # share of first-price bids that try another price, so that the win curve is learnt
    categories: tuple[str, ...] = ("IAB22",)  # of what is advertised (IAB Content Taxonomy 1.0); IAB22 is shopping
    taxonomy: int = 1  # of `categories` (AdCOM, Category Taxonomies)
    without_consent: Literal["none", "contextual"] = "none"  # where the person may not be recognised
    assume_gdpr: bool = True  # in the EEA, the UK and Switzerland, where the request does not say
    rates: Mapping[str, str] = field(default_factory=dict)  # currency → how much of it one unit of ours buys
    behalf: str = ""  # for whom the ad is (Digital Services Act); the brand's name
    paid: str = ""  # who pays for it; the brand's name
    life_seconds: int = 90  # from bid to billing at most, where the exchange names none; open bids take memory

    def __post_init__(self) -> None:
        for name in ("quantile", "caused", "explore"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidInput("it is not between 0 and 1", where=f"bid.{name}", fix="give a share")
        for name in ("margin_per_thousand", "most_per_thousand"):
            amount(getattr(self, name) or "0", where=f"bid.{name}")
        for currency, rate in self.rates.items():
            _check_rate(currency, rate)
        _check_pictures(self.pictures, needed=bool(self.exchanges))
        if len({e.key for e in self.exchanges.values()}) < len(self.exchanges):
            raise InvalidInput("two exchanges have the same key", where="bid.exchanges", fix="give each its own")
        if not 1 <= self.life_seconds <= _LONGEST_LIFE:
            raise InvalidInput(
                "it is not within a day", where="bid.life_seconds", fix=f"give 1 to {_LONGEST_LIFE}"
            )

    def decimal_rates(self, currency: str) -> dict[str, Decimal]:
        """How much of each currency one unit of `currency`, the workspace's, buys."""
        return {c: Decimal(r) for c, r in self.rates.items()} | {currency: Decimal(1)}


def _check_rate(currency: str, rate: str) -> None:
    if not re.fullmatch(r"[A-Z]{3}", currency) or not amount(rate, where=f"bid.rates.{currency}"):
        raise InvalidInput(
            f"{rate!r} is no rate of {currency}", where="bid.rates", fix='write USD = "1.27": one unit buys that'
        )


def _check_pictures(text: str, *, needed: bool) -> None:
    address = urlsplit(text)
    if (text or needed) and (address.scheme not in ("http", "https") or not address.netloc):
        raise InvalidInput(
            "it is no address, and without it no ad could be shown",
            where="bid.pictures",
            fix="write it like https://cdn.shop.example/ads",
        )


def amount(text: str, *, where: str) -> Decimal:
    """A decimal amount of 0 or more. Raises InvalidInput."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise InvalidInput(f"{text!r} is no amount", where=where, fix="write it like 2.50")
    return value
