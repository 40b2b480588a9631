"""The books balance, are posted once, and are corrected by adding."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from omnimix.core.errors import Conflict, InvalidInput, NotFound
from omnimix.core.grade import Grade
from omnimix.measurement.books.entry import Account, Entry, Line, cost_entry, margin_entry, totals
from omnimix.measurement.books.facts import (
    making_entries,
    margin_entries,
    margin_sums,
    media_entries,
    media_sums,
)
from omnimix.measurement.books.journal import correct, journal, post, reverse
from omnimix.measurement.books.rows import EntryRow, PostingRow
from omnimix.measurement.books.statement import statement
from omnimix.measurement.lift.costs import Costs
from omnimix.measurement.lift.effect import Increment
from omnimix.store.ledger import Ledger
from omnimix.store.warehouse import Warehouse

DAY = date(2026, 3, 8)


def cost(minor: int, key: str = "media:week0:x", account: Account = Account.MEDIA) -> Entry:
    entry = cost_entry(
        "spring", key, on=DAY, account=account, minor=minor, memo="", currency="GBP", simulated=False
    )
    assert entry is not None
    return entry


amounts = st.lists(
    st.tuples(st.sampled_from(list(Account)), st.integers(-(10**12), 10**12).filter(bool)), min_size=1, max_size=5
)


@settings(max_examples=15)
@given(st.lists(amounts, max_size=4), st.data())
def test_whatever_is_posted_balances(ledger: Ledger, now: datetime, many: Any, data: st.DataObject) -> None:
    made = []
    for place, lines in enumerate(many):
        rest = -sum(minor for _, minor in lines)
        balanced = [*lines, (Account.PAYABLE, rest)] if rest else lines
        made.append(Entry("spring", f"k{place}", DAY, "", tuple(Line(a, m) for a, m in balanced), "GBP", False))
    with ledger() as session:
        assert post(session, made, now=now) == len(made)
        again = data.draw(st.permutations(made))
        assert post(session, again, now=now) == 0
        assert journal(session, "spring") == tuple(made)
        drawn_up = statement(session, "spring", currency="GBP")
        assert drawn_up.balanced
        assert {b.account: b.balance for b in drawn_up.balances} == dict(totals(made))
        for entry in made:
            reverse(session, "spring", entry.key, on=DAY, why="wrong", now=now)
        assert set(totals(journal(session, "spring")).values()) == {0}


@pytest.mark.parametrize(
    "lines", [(), (Line(Account.MEDIA, 5),), (Line(Account.MEDIA, 0), Line(Account.PAYABLE, 0))]
)
def test_an_entry_that_does_not_balance_cannot_be_made(lines: tuple[Line, ...]) -> None:
    with pytest.raises(InvalidInput, match="books entry 'k'"):
        Entry("spring", "k", DAY, "", lines, "GBP", False)


def test_the_same_key_with_other_content_is_a_conflict(ledger: Ledger, now: datetime) -> None:
    with ledger() as session:
        post(session, [cost(100)], now=now)
        with pytest.raises(Conflict, match="other content"):
            post(session, [cost(101)], now=now)
        with pytest.raises(Conflict, match="books are in GBP"):
            post(session, [replace(cost(1, "other"), currency="EUR")], now=now)


def test_rows_are_never_changed_or_removed(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as session:
        post(session, [cost(100)], now=now)
    for table in (EntryRow, PostingRow):
        with ledger() as session:
            row = session.scalars(select(table)).first()
            session.delete(row)
            with pytest.raises(Conflict, match="never changed"):
                session.flush()
    with ledger() as session:
        session.scalars(select(PostingRow)).first().minor = 7
        with pytest.raises(Conflict, match="reversing entry"):
            session.flush()


def test_two_writers_post_one_entry(ledger: Ledger, now: datetime) -> None:
    with ledger.begin() as session:
        post(session, [cost(100)], now=now)
        copy = text(
            "insert into books_entry select 99, campaign, key, posted_on, posted_at, memo, currency, "
            "simulated, reverses, digest from books_entry"
        )
        with pytest.raises(IntegrityError):
            session.execute(copy)
        session.rollback()


def test_corrections_reverse_and_post_anew(ledger: Ledger, now: datetime) -> None:
    with ledger() as session:
        assert correct(session, cost(100), why="", now=now) == 1
        assert correct(session, cost(100), why="", now=now) == 0
        assert correct(session, cost(130), why="late rows", now=now) == 2
        assert correct(session, cost(130), why="late rows", now=now) == 0
        assert correct(session, cost(100), why="they were wrong", now=now) == 2
        drawn_up = statement(session, "spring", currency="GBP")
        assert drawn_up.costs == 100
        assert drawn_up.entries == 5
        with pytest.raises(NotFound, match="no entry 'nothing'"):
            reverse(session, "spring", "nothing", on=DAY, why="", now=now)


def test_facts_and_books_agree(warehouse: Warehouse, ledger: Ledger, now: datetime, campaign: Any) -> None:
    shown = [
        {"who": 0, "week": w, "channel": c, "cost_micros": 1_234_567 * (w + 1), "simulated": True}
        for w in (0, 1, 2)
        for c in ("meta_bulk", "email_files")
        for _ in range(3)
    ]
    bought = [{"who": 0, "week": w % 3, "margin_minor": m} for w, m in enumerate((500, 700, -500, 90, 110, 0))]
    facts = campaign([("a", "broad")], shown, bought)
    _, exposures, conversions = facts.tables
    media = media_entries(
        warehouse.arrow(media_sums(exposures, campaign="spring")),
        campaign="spring",
        starts_on=DAY,
        platform_share=0.1,
        currency="GBP",
    )
    margin = margin_entries(
        warehouse.arrow(margin_sums(conversions, campaign="spring")),
        campaign="spring",
        starts_on=DAY,
        currency="GBP",
    )
    made = making_entries(
        Costs(creative_per_variant="40", review_per_variant="7.5", data_per_profile="0.01"),
        campaign="spring",
        on=DAY,
        variant_ids=["v2", "v1", "v1"],
        profiles=1,
        currency="GBP",
        simulated=False,
    )
    with ledger() as session:
        post(session, (*media, *margin, *made), now=now)
        assert post(session, (*media, *margin, *made), now=now) == 0
        drawn_up = statement(session, "spring", currency="GBP")
    spent = sum(s["cost_micros"] for s in shown) / 10_000
    assert abs(drawn_up.cost(Account.MEDIA) - spent) <= 0.5 * 6
    assert abs(drawn_up.cost(Account.PLATFORM) - spent / 10) <= 0.5 * 6
    assert drawn_up.margin == sum(b["margin_minor"] for b in bought)
    assert drawn_up.cost(Account.REFUNDS) == 500
    assert (drawn_up.cost(Account.CREATIVE), drawn_up.cost(Account.REVIEW)) == (8000, 1500)
    assert drawn_up.cost(Account.DATA) == 1
    assert drawn_up.balanced
    assert drawn_up.simulated


def test_romi_is_what_was_caused_and_roas_is_what_was_clicked(ledger: Ledger, now: datetime) -> None:
    increment = Increment(
        net_of_media=900.0,
        low=-100.0,
        high=1900.0,
        profiles=9,
        n_none=1,
        weeks=6,
        level=0.95,
        grade=Grade.RANDOMISED,
        simulated=True,
    )
    with ledger() as session:
        sales = margin_entry(
            "spring", "m", on=DAY, orders_minor=5000, refunds_minor=200, memo="", currency="GBP", simulated=True
        )
        creative = cost(400, "creative:v", Account.CREATIVE)
        post(session, [cost(600), creative, sales, None], now=now)
        drawn_up = statement(session, "spring", currency="GBP", increment=increment, credited_revenue_minor=3000)
        bare = statement(session, "autumn", currency="EUR", increment=increment, credited_revenue_minor=3000)
    assert drawn_up.romi is not None
    assert drawn_up.roas is not None
    # media (600) is in the increment already, the creatives (400) are not; both are costs
    assert (drawn_up.romi.net, drawn_up.romi.ratio) == (500.0, 0.5)
    assert (drawn_up.romi.low, drawn_up.romi.high) == (-0.5, 1.5)
    assert (drawn_up.roas.ratio, drawn_up.roas.grade) == (5.0, Grade.MODEL)
    assert drawn_up.romi.grade is Grade.RANDOMISED
    assert drawn_up.margin == 4800
    assert (bare.romi, bare.roas, bare.costs, bare.entries, bare.currency) == (None, None, 0, 0, "EUR")
