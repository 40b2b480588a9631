"""The audience is gathered from order lines, consents and languages without losing or inventing anybody."""

from datetime import datetime, timedelta

import ibis
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.experiment.audience import bought, habits, make_audience

NOW = datetime(2026, 11, 1)
LINES = pa.schema(
    {
        "line_id": pa.string(),
        "profile_id": pa.string(),
        "product_id": pa.string(),
        "kind": pa.string(),
        "quantity": pa.int64(),
        "amount_minor": pa.int64(),
        "country": pa.string(),
        "occurred_at": pa.timestamp("us"),
    }
)
LINE = st.fixed_dictionaries(
    {
        "profile_id": st.one_of(st.none(), st.sampled_from(["p", "q"])),
        "product_id": st.sampled_from(["a", "b"]),
        "kind": st.sampled_from(["sale", "sale", "return", "fee"]),
        "quantity": st.integers(1, 3),
        "price": st.integers(50, 500),
        "country": st.one_of(st.none(), st.sampled_from(["GB", "FR"])),
        "days": st.integers(-2, 60),
    }
)


def lines_of(rows):
    made = []
    for i, row in enumerate(rows):
        pieces = -row["quantity"] if row["kind"] == "return" else row["quantity"]
        made.append(
            {
                "line_id": f"l{i}",
                "quantity": pieces,
                "amount_minor": pieces * row["price"],
                "occurred_at": NOW - timedelta(days=row["days"], hours=1),
                **{k: row[k] for k in ("profile_id", "product_id", "kind", "country")},
            }
        )
    return made


def table_of(made):
    return ibis.memtable(pa.Table.from_pylist(made, schema=LINES))


@given(st.lists(LINE, max_size=10), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_habits_and_bought_agree_with_a_slow_reading(rows, shuffler):
    made = lines_of(rows)
    shuffled = made.copy()
    shuffler.shuffle(shuffled)
    past = [x for x in made if x["profile_id"] and x["occurred_at"] < NOW]
    sales = [x for x in past if x["kind"] == "sale"]
    found = {r["profile_id"]: r for r in habits(table_of(shuffled), as_of=NOW).to_pyarrow().to_pylist()}
    assert set(found) == {x["profile_id"] for x in sales}
    for name, row in found.items():
        mine = [x for x in sales if x["profile_id"] == name]
        prices = [x["amount_minor"] / x["quantity"] for x in mine]
        assert np.isclose(row["price_low"], np.quantile(prices, 0.1))
        assert np.isclose(row["price_high"], np.quantile(prices, 0.9))
        known = sorted((x["occurred_at"], x["line_id"], x["country"]) for x in mine if x["country"])
        assert row["country"] == (known[-1][2] if known else None)
    kept = {}
    for x in past:
        if x["kind"] != "fee" and x["occurred_at"] >= NOW - timedelta(days=30):
            pair = (x["profile_id"], x["product_id"])
            kept[pair] = kept.get(pair, 0) + x["quantity"]
    pairs = bought(table_of(shuffled), as_of=NOW, within_days=30).to_pyarrow()
    listed = sorted(zip(pairs["profile_id"].to_pylist(), pairs["product_id"].to_pylist(), strict=True))
    assert listed == sorted(p for p, pieces in kept.items() if pieces > 0)


def test_an_audience_keeps_the_order_asked_for_and_lookalikes_take_over_what_is_known():
    made = make_audience(
        pa.array(["sim_1", "p", "nobody", "sim_2"]),
        permitted={"advertising": pa.array(["p"])},
        habits=pa.table({"profile_id": ["p"], "country": ["GB"], "price_low": [10.0], "price_high": [90.0]}),
        bought=pa.table({"profile_id": ["p", "p", "z"], "product_id": ["a", "b", "c"]}),
        languages=pa.table({"profile_id": ["p"], "language": ["en"]}),
        impressions=pa.table({"profile_id": ["p", "sim_2"], "impressions": [3, 5]}),
        like=pa.array(["p", None, None, "p"]),
    )
    people = [made.person(i) for i in range(len(made))]
    assert [p.profile_id for p in people] == ["sim_1", "p", "nobody", "sim_2"]
    assert [p.impressions for p in people] == [0, 3, 0, 5]
    assert [p.consents for p in people] == [{"advertising"}, {"advertising"}, set(), {"advertising"}]
    assert [p.bought for p in people] == [{"a", "b"}, {"a", "b"}, set(), {"a", "b"}]
    assert [(p.language, p.country, p.price_low, p.price_high) for p in people] == [
        ("en", "GB", 10.0, 90.0),
        ("en", "GB", 10.0, 90.0),
        ("", "", None, None),
        ("en", "GB", 10.0, 90.0),
    ]
