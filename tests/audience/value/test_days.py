"""Days, histories, habits and outcomes against a small oracle; what comes later leaves no trace."""

from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.audience.value.days import days, habits, histories, instant, last_day, outcomes
from omnimix.store.facts import EVENT

START = datetime(2026, 1, 1)
LINE = pa.schema(
    [
        ("profile_id", pa.string()),
        ("occurred_at", pa.timestamp("us")),
        ("kind", pa.string()),
        ("margin_minor", pa.int64()),
    ]
)
ROW = st.tuples(
    st.sampled_from(["ann", "bob", None]),
    st.integers(0, 40 * 24),  # hours since START
    st.sampled_from(["sale", "return", "fee", "Email Delivered", "Email Link Clicked", "Product Viewed"]),
    st.integers(0, 900),
)
ROWS = st.lists(ROW, max_size=12)
Row = tuple[str | None, int, str, int]
ENGINE = ibis.duckdb.connect()


def tables(rows: list[Row], as_of: datetime) -> ibis.Table:
    lines, events = [], []
    for number, (who, hour, what, amount) in enumerate(rows):
        at = START + timedelta(hours=hour)
        if what in ("sale", "return", "fee"):
            lines.append((who, at, what, -amount if what == "return" else amount))
        else:
            event: dict[str, Any] = dict.fromkeys(EVENT.names)
            events.append(event | {"event_id": str(number), "name": what, "occurred_at": at, "profile_id": who})
    kept = pa.Table.from_pylist([dict(zip(LINE.names, row, strict=True)) for row in lines], schema=LINE)
    schema = EVENT.to_pyarrow().append(pa.field("profile_id", pa.string()))
    nullable = pa.schema([f.with_nullable(True) for f in schema])
    seen = pa.Table.from_pylist(events, schema=nullable)
    return days(
        ibis.memtable(kept),
        ibis.memtable(seen),
        as_of=as_of,
        contacts=("Email Delivered",),
        responses=("Email Link Clicked",),
    )


def read(table: ibis.Table) -> dict[str, dict[str, Any]]:
    found = ENGINE.to_pyarrow(table).to_pylist()
    assert len({row["profile_id"] for row in found}) == len(found)
    return {row.pop("profile_id"): row for row in found}


def day_of(hour: int) -> int:
    return last_day(START + timedelta(hours=hour, microseconds=1))


@settings(max_examples=10)
@given(ROWS, st.integers(1, 40))
def test_histories_are_those_of_an_oracle(rows: list[Row], until: int) -> None:
    as_of = START + timedelta(days=until)
    known = [r for r in rows if r[0] and r[1] < until * 24]
    wanted = {}
    for who in {r[0] for r in known if r[2] == "sale"}:
        bought = sorted({day_of(h) for w, h, what, _ in known if w == who and what == "sale"})
        sums = {k: sum(a for w, _, what, a in known if w == who and what == k) for k in ("sale", "return")}
        wanted[who] = {
            "order_days": len(bought),
            "span_days": bought[-1] - bought[0],
            "known_days": last_day(as_of) - bought[0],
            "margin_minor": sums["sale"],
            "refund_minor": sums["return"],
        }
    assert read(histories(tables(rows, as_of), upto=last_day(as_of))) == wanted


@settings(max_examples=6)
@given(ROWS, st.integers(1, 30), st.integers(1, 20))
def test_outcomes_and_habits_split_what_was_done(rows: list[Row], until: int, length: int) -> None:
    """What is known on a day and what came after it are together all there is."""
    as_of = START + timedelta(days=41)
    table = tables(rows, as_of)
    cut, end = last_day(START + timedelta(days=until)), last_day(START + timedelta(days=until + length))
    before, after, whole = (
        read(t) for t in (habits(table, upto=cut), outcomes(table, after=cut, upto=end), habits(table, upto=end))
    )
    assert set(before) == set(after) == {w for w, h, what, _ in rows if w and what != "fee" and day_of(h) <= cut}
    for who, then in after.items():
        for name in ("orders", "contacts", "responses"):
            assert before[who][name] + then[name] == whole[who][name]
        net = {
            k: v[who]["margin_minor"] - v[who]["refund_minor"] for k, v in (("before", before), ("whole", whole))
        }
        assert net["before"] + then["margin_minor"] == net["whole"]


@settings(max_examples=6)
@given(ROWS, st.integers(1, 40), st.randoms(use_true_random=False))
def test_neither_later_days_nor_the_order_of_rows_leave_a_trace(rows: list[Row], until: int, random: Any) -> None:
    day = START + timedelta(days=until)
    shuffled = list(rows)
    random.shuffle(shuffled)
    then = read(habits(tables(rows, day), upto=last_day(day)))
    assert then == read(habits(tables(shuffled, START + timedelta(days=60)), upto=last_day(day)))
    for found in then.values():
        assert all(isinstance(v, int) and v >= 0 for v in found.values())
        assert found["orders_30"] <= found["orders_90"] <= found["orders"]
        assert max(found["span_days"], found["since_order"], found["since_action"]) <= found["known_days"]


def test_days_and_instants_turn_into_each_other() -> None:
    for hours in (0, 1, 23, 24, 1000):
        day = last_day(START + timedelta(hours=hours))
        assert last_day(instant(day)) == day
    assert last_day(START) + 1 == last_day(START + timedelta(microseconds=1))
