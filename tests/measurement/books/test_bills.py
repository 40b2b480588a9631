"""Bills of exchanges: rows add up to the bills, rounded once, whatever their order."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.measurement.books.bills import Bill, bill_entries, spend_rows, total_nano

DAY = date(2026, 11, 1)
CENTS = st.integers(0, 10**9)
ROWS = st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from("xy"), st.sampled_from("vw"), CENTS)
BILLS = st.lists(ROWS, max_size=12).map(
    lambda rows: [Bill(c, DAY + timedelta(d), x, v, f"dec{i}", n) for i, (c, d, x, v, n) in enumerate(rows)]
)


@given(bills=BILLS, seed=st.randoms())
@settings(max_examples=60)
def test_rows_and_entries_add_up_to_the_bills(bills: list[Bill], seed) -> None:  # type: ignore[no-untyped-def]
    rows = spend_rows(bills, currency="GBP")
    shuffled = list(bills)
    seed.shuffle(shuffled)
    assert spend_rows(shuffled, currency="GBP").equals(rows)
    assert sum(rows["impressions"].to_pylist()) == len(bills)
    for campaign in "ab":
        own = [b for b in bills if b.campaign == campaign]
        minor = sum(r["cost_minor"] for r in rows.to_pylist() if r["campaign"] == campaign)
        assert abs(minor * 10**7 - total_nano(own)) <= 5 * 10**6
        posted = sum(e.lines[0].minor for e in bill_entries(rows) if e.campaign == campaign)
        assert posted == minor


def test_a_yen_has_no_smaller_part() -> None:
    bill = Bill("a", date(2026, 11, 1), "x", "v", "d", 2_600_000_000)
    assert spend_rows([bill], currency="JPY")["cost_minor"].to_pylist() == [3]
