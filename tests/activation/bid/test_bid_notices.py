"""Notices: nobody makes one up, each bid ends once, money that was set aside is spent or given back."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.bid.notice import Letter, Made, Marker, Outcome, billed_cpm, told_cpm
from omnimix.activation.bid.open_bids import OpenBid, OpenBids
from omnimix.core.errors import NotAllowed

MADE = Made("demo", 2_500_000, "w1", "GBP", test=False)
ONE = Decimal(1)


@given(
    kind=st.sampled_from(("win", "bill", "loss")),
    other=st.sampled_from(("win", "bill", "loss")),
    token=st.text(max_size=5),
    cpm=st.integers(0, 10**9),
)
@settings(max_examples=100)
def test_a_mark_holds_for_one_kind_token_and_bid(kind: str, other: str, token: str, cpm: int) -> None:
    marker = Marker(b"secret")
    mark = marker.of(kind, "t", MADE.text())
    assert marker.check(mark, kind, "t", MADE.text()) == MADE
    changed = (other, token, Made("demo", cpm, "w1", "GBP", test=False).text())
    if changed != (kind, "t", MADE.text()):
        with pytest.raises(NotAllowed):
            marker.check(mark, *changed)
    with pytest.raises(NotAllowed):
        Marker(b"other").check(mark, kind, "t", MADE.text())


@pytest.mark.parametrize(
    ("text", "cpm"),
    [
        ("1.2345", 1_234_500),
        ("0", 0),
        ("9", MADE.cpm),  # nobody bills more than was bid
        ("${AUCTION_PRICE}", MADE.cpm),
        ("", MADE.cpm),
        ("-1", MADE.cpm),
        ("NaN", MADE.cpm),
        ("1e999999", MADE.cpm),
        ("zX8_encrypted", MADE.cpm),
        ("AUDIT", None),
    ],
)
def test_prices_as_exchanges_tell_them(text: str, cpm: int | None) -> None:
    assert billed_cpm(text, MADE, ONE) == cpm


def test_other_currencies_and_tests() -> None:
    assert told_cpm("1.25", Decimal("1.25")) == 1_000_000
    assert billed_cpm("1", Made("demo", 5, "w", "GBP", test=True), ONE) is None


LETTERS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([Outcome.LOST, Outcome.WON, Outcome.BILLED])), max_size=20
)


@given(letters=LETTERS, cut=st.integers(0, 20))
@settings(max_examples=100)
def test_each_bid_ends_once(letters: list[tuple[int, Outcome]], cut: int) -> None:
    bids = OpenBids()
    for n in range(5):
        bids.add(OpenBid(f"d{n}", "c", "", "k", 10, 1, 0, 100 + n, b""))
    told = [bids.told(f"d{n}", Letter(o, 7, "c")) for n, o in letters[:cut]]
    ended = list(bids.ended(102))
    told += [bids.told(f"d{n}", Letter(o, 7, "c")) for n, o in letters[cut:]]
    ended += bids.ended(1_000)
    closed = [c for c in told if c] + ended
    assert sorted(c.bid.decision_id for c in closed) == [f"d{n}" for n in range(5)]
    assert len(bids) == 0
    billed = {f"d{n}" for n, o in letters[:cut] if o is Outcome.BILLED}
    lost_first = {f"d{n}" for n, o in letters[:cut] if o is Outcome.LOST}
    assert billed - lost_first <= {c.bid.decision_id for c in closed if c.outcome is Outcome.BILLED}
