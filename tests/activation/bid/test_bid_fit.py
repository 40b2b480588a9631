"""Which creatives fit: never one that is blocked, never on terms that were not offered."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.bid.creative import Catalogue, Creative, Picture, within
from omnimix.activation.bid.fit import NoBid, money_of, opportunities
from omnimix.activation.bid.request import read_request
from omnimix.activation.bid.spec import Exchange
from omnimix.activation.bid.validate import check_request

EXCHANGE = Exchange(key="k" * 16, seat="us", currency="GBP")
RATES = {"GBP": Decimal(1), "USD": Decimal("1.25")}
SIZES = ((300, 250), (728, 90), (160, 600))
CATEGORIES = st.sampled_from(("IAB1", "IAB2", "IAB2-3", "IAB22", "IAB22-1"))


def made(number: int, sizes: tuple[tuple[int, int], ...], category: str, language: str, secure: bool) -> Creative:
    scheme = "https" if secure else "http"
    return Creative(
        variant_id=f"v{number}",
        campaign="spring",
        digest="d",
        headlines=("Mugs",),
        descriptions=("Stoneware",),
        call_to_action="Shop now",
        brand="Shop",
        domain="shop.example",
        landing="https://shop.example",
        pictures=tuple(Picture(f"{scheme}://cdn.example/{w}x{h}.png", w, h) for w, h in sizes),
        language=language,
        categories=(category,),
    )


CREATIVES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(SIZES), unique=True, max_size=3).map(tuple),
        CATEGORIES,
        st.sampled_from(("en", "de", "")),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
).map(lambda rows: [made(i, *row) for i, row in enumerate(rows)])


def found(document: dict[str, Any], creatives: list[Creative], exchange: Exchange = EXCHANGE) -> Any:
    request = read_request(json.dumps(document).encode())
    natives = check_request(request)
    money = money_of(request, exchange, RATES)
    return money if money is None else opportunities(request, natives, Catalogue(creatives), exchange, money)


def asked(**fields: Any) -> dict[str, Any]:
    return {"id": "r", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}]} | fields


@given(
    creatives=CREATIVES,
    size=st.sampled_from(SIZES),
    bcat=st.lists(CATEGORIES, max_size=3),
    acat=st.lists(CATEGORIES, max_size=2),
    wlang=st.lists(st.sampled_from(("en", "de-DE", "fr")), max_size=2),
    secure=st.integers(0, 1),
)
@settings(max_examples=60)
def test_the_set_is_what_each_rule_alone_allows(  # type: ignore[no-untyped-def]
    creatives, size, bcat, acat, wlang, secure
) -> None:
    imp = {"id": "1", "banner": {"format": [{"w": size[0], "h": size[1]}]}, "secure": secure}
    chances = found({"id": "r", "imp": [imp], "bcat": bcat, "acat": acat, "wlang": wlang}, creatives)
    right = 0
    for place, c in enumerate(creatives):
        (own,) = c.categories
        fits = any((p.width, p.height) == size and (p.secure or not secure) for p in c.pictures)
        fits &= not any(within(own, b) for b in bcat)
        fits &= not acat or any(within(own, a) for a in acat)
        fits &= not wlang or c.language in {w[:2] for w in wlang}
        right |= fits << place
    assert chances == NoBid.NOTHING_FITS if not right else chances[0].fits == right


ONE = [made(0, SIZES, "IAB22", "en", True)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"wseat": ["them"]}, NoBid.SEAT),
        ({"bseat": ["us"]}, NoBid.SEAT),
        ({"badv": ["shop.example"]}, NoBid.NOTHING_FITS),
        ({"badv": ["WWW.Shop.Example "]}, NoBid.NOTHING_FITS),
        ({"bcat": ["IAB22"]}, NoBid.NOTHING_FITS),
        ({"bcat": ["1"], "cattax": 6}, NoBid.NOTHING_FITS),
        ({"dooh": {"id": "d"}}, NoBid.NOTHING_FITS),
        ({"imp": [{"id": "1", "banner": {"w": 300, "h": 250, "btype": [2]}}]}, NoBid.NOTHING_FITS),
        ({"imp": [{"id": "1", "banner": {"w": 300, "h": 250, "mimes": ["video/mp4"]}}]}, NoBid.NOTHING_FITS),
        ({"imp": [{"id": "1", "banner": {"w": 301, "h": 250}}]}, NoBid.NOTHING_FITS),
        ({"imp": [{"id": "1", "video": {"mimes": ["video/mp4"]}}]}, NoBid.NOTHING_FITS),
        ({"cur": ["JPY"]}, None),
    ],
)
def test_what_is_blocked_is_not_bid_upon(fields: dict[str, Any], reason: NoBid | None) -> None:
    assert found(asked(**fields), ONE) == reason


def test_deals_come_first_and_private_auctions_take_nothing_else() -> None:
    deals = [{"id": "dear", "bidfloor": 5}, {"id": "cheap", "bidfloor": 1}, {"id": "theirs", "wseat": ["them"]}]
    imp = {"id": "1", "banner": {"w": 300, "h": 250}, "bidfloor": 2, "pmp": {"deals": deals}}
    (chance,) = found(asked(imp=[imp]), ONE)
    assert [(t.deal, t.floor) for t in chance.terms] == [
        ("cheap", 800_000),
        ("dear", 4_000_000),
        (None, 1_600_000),
    ]
    imp["pmp"] = {"private_auction": 1, "deals": deals[2:]}
    assert found(asked(imp=[imp]), ONE) == NoBid.NOTHING_FITS
    imp |= {"pmp": None, "bidfloorcur": "JPY"}
    assert found(asked(imp=[imp]), ONE) == NoBid.NOTHING_FITS


def test_flexible_and_full_screen_sizes() -> None:
    flexible = {"id": "1", "banner": {"format": [{"wratio": 6, "hratio": 5, "wmin": 200}]}}
    assert found(asked(imp=[flexible]), ONE)[0].sizes == ((300, 250),)
    full = {"id": "1", "banner": {}, "instl": 1}
    assert found(asked(imp=[full], device={"w": 320, "h": 480}), ONE)[0].sizes == ((300, 250),)
    assert found(asked(imp=[full], device={"w": 3200, "h": 4800}), ONE) == NoBid.NOTHING_FITS
