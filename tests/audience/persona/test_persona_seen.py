"""Hours, words, objections and paths: planted ones are told, oracles agree, and small groups stay unseen."""

import datetime as dt
import json
import math
from collections import Counter
from functools import cache
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.audience.persona import moment, objection, typical, word
from omnimix.audience.persona.fit import PersonaRules, fit_personas
from omnimix.audience.persona.persona import Kind
from omnimix.audience.persona.seen import Seen
from omnimix.audience.segment.cluster import SegmentRules, fit_segments, members
from omnimix.store.facts import EVENT, ORDER_LINE
from omnimix.store.warehouse import Warehouse

AS_OF = dt.datetime(2026, 6, 1)
MONDAY = dt.datetime(2026, 3, 2)  # a Monday


def line_rows(rows: list[dict[str, Any]]) -> ibis.Table:
    base = {
        "source": "shop",
        "person_key": None,
        "description": None,
        "quantity": 1,
        "amount_minor": 100,
        "currency": "GBP",
        "country": "GB",
        "kind": "sale",
        "product_id": "p",
        "occurred_at": MONDAY,
    }
    full = [base | {"line_id": f"l{i}", "order_id": f"o{i}"} | row for i, row in enumerate(rows)]
    table = pa.Table.from_pylist(full, schema=ORDER_LINE.to_pyarrow())
    return ibis.memtable(table.append_column("profile_id", pa.array([r["profile_id"] for r in rows], pa.string())))


def event_rows(rows: list[dict[str, Any]]) -> ibis.Table:
    base = {n: None for n in EVENT.names} | {"source": "shop", "occurred_at": MONDAY}
    full = [
        base | {"event_id": f"e{i}"} | {k: v for k, v in r.items() if k != "profile_id"}
        for i, r in enumerate(rows)
    ]
    table = pa.Table.from_pylist(full, schema=EVENT.to_pyarrow())
    return ibis.memtable(table.append_column("profile_id", pa.array([r["profile_id"] for r in rows], pa.string())))


def member_rows(of: dict[str, str]) -> ibis.Table:
    columns = {"profile_id": pa.array(list(of), pa.string()), "segment": pa.array(list(of.values()), pa.string())}
    return ibis.memtable(pa.table(columns))


@cache
def one_engine() -> Any:
    """One for all examples: opening costs more than the queries."""
    return ibis.duckdb.connect(threads=1)


ORDERS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.integers(0, 23)), min_size=1, max_size=10
)


@settings(max_examples=6, deadline=None)
@given(ORDERS)
def test_hours_are_mean_shares_of_people_and_sum_to_one(orders: list[tuple[str, int, int]]) -> None:
    of = {"a": "x", "b": "x", "c": "y", "d": "y"}
    lines = line_rows(
        [{"profile_id": p, "occurred_at": MONDAY + dt.timedelta(days=d, hours=h)} for p, d, h in orders]
    )
    engine = one_engine()
    people = member_rows(of)
    week = moment.Week(
        engine.to_pyarrow(moment.hours(lines, people, as_of=AS_OF, timezone="UTC")),
        engine.to_pyarrow(moment.buyers(lines, people, as_of=AS_OF)),
    )
    for segment in ("x", "y", None):
        own = [p for p in of if (segment in (None, of[p])) and any(o[0] == p for o in orders)]
        shares = week.shares(segment)
        if not own:
            assert shares.sum() == 0
            continue
        assert shares.sum() == pytest.approx(1, abs=1e-3)
        wanted = np.zeros((7, 24))
        for p in own:
            mine = [(d, h) for q, d, h in orders if q == p]
            for cell, n in Counter(mine).items():
                wanted[cell] += n / len(mine) / len(own)
        np.testing.assert_allclose(shares, wanted, atol=2e-5)
        each = [
            [sum((d, h) == (0, 9) and q == p for q, d, h in orders) / sum(q == p for q, *_ in orders)] for p in own
        ]
        found = week.moments(segment, 0, 9)
        assert found.n == len(own)
        assert found.squared == pytest.approx(float(np.var(each) * len(own)), abs=1e-3)


def test_hours_follow_the_shops_clock(warehouse: Warehouse) -> None:
    lines = line_rows([{"profile_id": "a", "occurred_at": dt.datetime(2026, 4, 6, 23, 30)}])
    rows = warehouse.arrow(moment.hours(lines, member_rows({"a": "x"}), as_of=AS_OF, timezone="Europe/London"))
    assert [(r["weekday"], r["hour"]) for r in rows.to_pylist()] == [(1, 0)], "summer time makes it Tuesday"


def test_log_odds_agree_with_the_formula_and_prefer_the_own_word() -> None:
    every, own = {"tea": 60, "cup": 40, "owl": 10}, {"tea": 10, "cup": 5, "owl": 9}
    found = word.log_odds(own, every)
    scale = word.PRIOR / 110
    a, b = 9 + 10 * scale, 1 + 10 * scale
    delta = math.log(a / (24 + word.PRIOR - a)) - math.log(b / (86 + word.PRIOR - b))
    assert found["owl"] == pytest.approx(delta / math.sqrt(1 / a + 1 / b))
    assert max(found, key=lambda w: found[w]) == "owl"
    assert found["tea"] < 0 < found["owl"]
    same = word.log_odds({w: n // 10 for w, n in every.items()}, every)
    assert all(abs(z) < 0.2 for z in same.values()), "who talks like everybody has no word of their own"


def test_vocabulary_is_plain_words_that_harm_nobody() -> None:
    rows = word.vocabulary(
        {
            "product:1": "SET OF 6 OWL MUGS",
            "product:2": "Owl mug, pregnancy diary",
            "search:x": "a@b.example owls 0207",
        }
    ).to_pylist()
    assert {(r["text_key"], r["word"]) for r in rows} == {
        ("product:1", "owl"),
        ("product:1", "mug"),
        ("product:2", "owl"),
        ("product:2", "mug"),
        ("product:2", "diary"),
        ("search:x", "owl"),
        ("search:x", "example"),
    }


def test_objections_count_each_person_once(warehouse: Warehouse) -> None:
    lines = line_rows(
        [{"profile_id": "a", "kind": "return"}, {"profile_id": "a", "kind": "return"}, {"profile_id": "b"}]
    )
    bad = json.dumps({"sentiment_label": "negative", "text": "awful"}, separators=(",", ":"))
    events = event_rows(
        [
            {"profile_id": "a", "name": "Support Ticket Opened", "properties": '{"topic":"Late Parcel"}'},
            {"profile_id": "b", "name": "Comment Posted", "properties": bad},
            {"profile_id": "c", "name": "Product Reviewed", "properties": '{"rating":1,"reason":"too small"}'},
            {"profile_id": "c", "name": "Product Reviewed", "properties": '{"rating":5}'},
            {"profile_id": "d", "name": "Product Viewed", "properties": '{"topic":"mugs"}'},
            {"profile_id": None, "name": "Support Ticket Opened", "properties": None},
        ]
    )
    of = member_rows({"a": "x", "b": "x", "c": "y", "d": "y"})
    rows = warehouse.arrow(objection.objections(lines, events, of)).to_pylist()
    assert {(r["segment"], r["objection"]): r["people"] for r in rows} == {
        ("x", "returned"): 1,
        ("x", "asked for help"): 1,
        ("x", "reason: late parcel"): 1,
        ("x", "spoke badly"): 1,
        ("y", "spoke badly"): 1,
        ("y", "reason: too small"): 1,
    }


STEPS = st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from("ABC"), st.booleans()), min_size=1, max_size=10)


@settings(max_examples=6, deadline=None)
@given(STEPS)
def test_paths_are_the_steps_people_took(rows: list[tuple[str, str, bool]]) -> None:
    moves, wanted = [], {}
    for i, (who, step, fresh) in enumerate(rows):
        begins = fresh or all(w != who for w, *_ in rows[:i])
        moves.append(
            {
                "step_id": f"s{i:02}",
                "profile_id": who,
                "step": step,
                "occurred_at": MONDAY + dt.timedelta(minutes=i),
                "begins": begins,
            }
        )
        taken = wanted.setdefault(who, [])
        if begins:
            taken.append([step])
        elif taken[-1][-1] != step:
            taken[-1].append(step)
    engine = one_engine()
    table = ibis.memtable(pa.Table.from_pylist(moves))
    of = member_rows({"p": "x", "q": "x"})
    found = engine.to_pyarrow(typical.paths(table, of, group=1)).to_pylist()

    def written(path: list[str]) -> str:
        return typical.ARROW.join(path if len(path) <= 8 else [*path[:8], typical.MORE])

    counted = Counter(p for taken in wanted.values() for p in {written(path) for path in taken})
    assert {r["path"]: r["people"] for r in found} == counted
    assert all(r["base"] == r["people"] for r in found)
    walked = engine.to_pyarrow(typical.walkers(table, of)).to_pylist()
    assert walked == [{"segment": "x", "people": len(wanted)}]
    none = engine.to_pyarrow(typical.paths(table, of, group=3))
    assert none.num_rows == 0, "what fewer than the group took is not shown"


def test_the_medoid_is_nearest_to_all() -> None:
    paths = {("A", "B", "C"): 30, ("A", "C"): 25, ("A", "B", "C", "C"): 25, ("X",): 4}
    assert typical.medoid(paths) == ("A", "B", "C")
    assert typical.distance("kitten", "sitting") == 3
    assert typical.distance((), ("A",)) == 1


def planted(shop_like: Any, warehouse: Warehouse) -> tuple[Any, ...]:
    """Profile i of kind i mod 4; kind 3 orders on Thursdays at noon, buys owls, sends back, says why."""
    table = shop_like(400, 3)
    found = fit_segments(table, SegmentRules(fewest=4, most=4, resamples=2, starts=2, min_size=20), seed=1)
    placed = members(table, found, as_of=AS_OF)
    rng = np.random.default_rng(7)
    lines, events = [], []
    for i in range(400):
        own = i % 4 == 3
        for _ in range(4):
            at = MONDAY + dt.timedelta(days=int(rng.integers(7)), hours=int(rng.integers(8, 20)))
            if own and rng.random() < 0.8:
                at = MONDAY + dt.timedelta(days=3, hours=12)
            product = "owl" if own and rng.random() < 0.7 else str(rng.choice(["mug", "tea", "cup"]))
            lines.append({"profile_id": f"p{i:05d}", "occurred_at": at, "product_id": product})
        if own and i % 8 == 3:
            lines.append({"profile_id": f"p{i:05d}", "kind": "return", "product_id": "owl"})
            reason = "too small" if i > 40 else f"call me at 0207 946 00{i:02d}"
            properties = json.dumps({"reason": reason}, separators=(",", ":"))
            events.append({"profile_id": f"p{i:05d}", "name": "Return Requested", "properties": properties})
        asked = "owl lamp" if own else f"private words of ada{i}@example.com"
        events.append(
            {
                "profile_id": f"p{i:05d}",
                "name": "Products Searched",
                "properties": json.dumps({"query": asked}, separators=(",", ":")),
            }
        )
    of = ibis.memtable(placed.select(["profile_id", "segment"]))
    sold, done = line_rows(lines), event_rows(events)
    texts = word.purchases(sold).union(word.searches(done), distinct=True)
    said = {f"product:{p}": f"{p} of porcelain" for p in ("owl", "mug", "tea", "cup")}
    keys = warehouse.arrow(texts.select("text_key").distinct())["text_key"].to_pylist()
    said |= {k: k.removeprefix("search:") for k in keys if k.startswith("search:")}
    words = ibis.memtable(word.vocabulary(said))
    steps = [
        {
            "step_id": f"s{i}{k}",
            "profile_id": f"p{i:05d}",
            "step": step,
            "occurred_at": MONDAY + dt.timedelta(hours=k),
            "begins": k == 0,
        }
        for i in range(400)
        for k, step in enumerate(("View", "Cart", "Order") if i % 4 == 3 else ("View", f"Own way {i}"))
    ]
    moved = ibis.memtable(pa.Table.from_pylist(steps))
    seen = Seen(
        moment.Week(
            warehouse.arrow(moment.hours(sold, of, as_of=AS_OF, timezone="UTC")),
            warehouse.arrow(moment.buyers(sold, of, as_of=AS_OF)),
        ),
        warehouse.arrow(word.word_people(texts, words, of)),
        warehouse.arrow(word.speakers(texts, of)),
        warehouse.arrow(objection.objections(sold, done, of)),
        warehouse.arrow(typical.paths(moved, of, group=10)),
        warehouse.arrow(typical.walkers(moved, of)),
    )
    value = pa.table(
        {
            "profile_id": [f"p{i:05d}" for i in range(400)],
            "clv_minor": [90_000 if i % 4 == 3 else 10_000 + i for i in range(400)],
            "p_buy": [0.5 + i / 10_000 if i % 4 == 3 else 0.1 + i / 10_000 for i in range(400)],
            "p_churn": [None if i % 4 == 3 else 0.4 for i in range(400)],
            "p_respond": pa.array([None] * 400, pa.float64()),
        }
    )
    return table, placed, found, seen, value


def test_planted_habits_are_told_and_nobodys_own_words(shop_like: Any, warehouse: Warehouse) -> None:
    table, placed, found, seen, value = planted(shop_like, warehouse)
    personas = fit_personas(table, placed, found, currency="GBP", seen=seen, value=value)
    (own,) = (p for p in personas if p.segment.name == "Candles & home shoppers" or "andle" in p.segment.name)
    moments = own.of_kind(Kind.MOMENT)
    assert [s.subject for s in moments] == ["Thursday 12:00"]
    assert moments[0].base < moments[0].low <= moments[0].value <= moments[0].high
    assert {"owl", "lamp"} <= {s.subject for s in own.of_kind(Kind.WORD)}
    assert {s.subject for s in own.of_kind(Kind.OBJECTION)} == {"returned", "too small"}
    assert {"value", "buy"} <= {s.subject for s in own.of_kind(Kind.VALUE)}
    assert own.paths[0].steps == ("View", "Cart", "Order")
    assert (own.paths[0].people, own.paths[0].n) == (100, 100)
    assert own.hours is not None
    assert own.hours.share[3][12] == max(max(row) for row in own.hours.share)
    assert sum(map(sum, own.hours.share)) == pytest.approx(1, abs=1e-3)
    assert own.prices is not None
    assert own.prices.base_low <= own.prices.low <= own.prices.middle <= own.prices.high
    for persona in personas:
        assert persona is own or not persona.of_kind(Kind.MOMENT)
        told = json.dumps([persona.headline, *(s.text for s in persona.statements), str(persona)])
        for trace in ("ada", "example", "0207", "call me", "Own way", "private"):
            assert trace not in told
        for s in persona.statements:
            assert s.n >= 30
            assert s.base < s.low or s.base > s.high
            assert not set("{}") & set(s.text)


def test_small_groups_say_nothing(shop_like: Any, warehouse: Warehouse) -> None:
    table, placed, found, seen, _value = planted(shop_like, warehouse)
    strict = PersonaRules(least_group=101)
    for persona in fit_personas(table, placed, found, currency="GBP", seen=seen, rules=strict):
        assert not persona.of_kind(Kind.WORD)
        assert not persona.of_kind(Kind.OBJECTION)
        assert not persona.of_kind(Kind.MOMENT)
        assert not persona.of_kind(Kind.VALUE), "without the value fact nothing is said of it"


def test_the_same_people_in_any_order(shop_like: Any, warehouse: Warehouse) -> None:
    table, placed, found, seen, value = planted(shop_like, warehouse)
    once = fit_personas(table, placed, found, currency="GBP", seen=seen, value=value)
    mixed = np.random.default_rng(0).permutation(400)
    again = fit_personas(
        table.take(mixed), placed.take(mixed[::-1]), found, currency="GBP", seen=seen, value=value.take(mixed)
    )
    assert once == again
