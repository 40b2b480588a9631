"""Learning: delays recovered, weights that undo uneven choices, snapshots that come back to the last bit."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.decide.pooling import Prior
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import Conflict, NotFound
from omnimix.measurement.learn.fit import cell_rewards, fit_snapshot
from omnimix.measurement.learn.lag import matured
from omnimix.measurement.learn.rewards import lag_counts, reward_sums
from omnimix.measurement.learn.rows import from_json, latest, publish, read, to_json
from omnimix.store.ledger import Ledger
from omnimix.store.warehouse import Warehouse

STARTS = datetime(2026, 3, 2)
EPOCH = int(np.datetime64(STARTS, "s").astype(np.int64))
WHEN = {"campaign": "spring", "starts_at_epoch": EPOCH}


def rewards(warehouse: Warehouse, facts: Any, weeks: int, **where: Any) -> tuple[Any, Any]:
    _, exposures, conversions = facts.tables
    sums = reward_sums(exposures, conversions, **WHEN, weeks=weeks, currency="GBP")
    lags = lag_counts(conversions, **WHEN, weeks=weeks)
    return warehouse.arrow(sums), warehouse.arrow(lags)


def cells(warehouse: Warehouse, facts: Any, *, weeks: int = 1, known: Any = None) -> Any:
    sums, _ = rewards(warehouse, facts, weeks)
    known = np.ones(weeks) if known is None else np.array(known)
    return cell_rewards(sums, known, weeks=weeks, segments=("a",), variants=("v1", "v2"), currency="GBP")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 99)), max_size=12))
def test_the_share_known_never_falls_and_ends_in_one(counts: list[tuple[int, int, int]]) -> None:
    share = matured(counts, weeks=6)
    assert share[-1] == 1
    assert (np.diff(share) >= -1e-12).all()
    assert (share >= 0).all()


def test_delays_are_recovered_though_young_weeks_are_cut_off() -> None:
    lag, weeks = (0.6, 0.3, 0.1), 6
    counts = [
        (made, made + late, int(1000 * share * (1 + made)))
        for made in range(weeks)
        for late, share in enumerate(lag)
        if made + late < weeks
    ]
    assert matured(counts, weeks=weeks) == pytest.approx([0.6, 0.9, 1, 1, 1, 1])
    assert matured([], weeks=3) == pytest.approx([1, 1, 1])


def test_rewards_are_margin_less_media_of_exposed_weeks(warehouse: Warehouse, campaign: Any) -> None:
    facts = campaign(
        [("a", "broad")] * 3,
        [
            {"who": 0, "cost_micros": 20_000},
            {"who": 0, "cost_micros": 10_000, "channel": "meta_bulk", "bot_clicks": 9},  # same week, same variant
            {"who": 1, "variant_id": "v2"},
            {"who": 2, "variant_id": "v2", "rung": "sequence"},  # picked by engagement: left out
        ],
        [
            {"who": 0, "margin_minor": 100},
            {"who": 0, "margin_minor": -30},  # a refund
            {"who": 2, "margin_minor": 900},
        ],
    )
    counts, sums, squares = cells(warehouse, facts)
    assert counts.tolist() == [[1, 1]]
    assert sums.tolist() == [[100 - 30 - 3, 0]]
    assert squares.tolist() == [[67**2, 0]]
    for one, other in zip(cells(warehouse, facts), cells(warehouse, facts.reversed()), strict=True):
        assert (one == other).all()


def test_orders_belong_to_the_week_they_were_made_in(warehouse: Warehouse, campaign: Any) -> None:
    made_at = STARTS + timedelta(days=2)
    facts = campaign(
        [("a", "broad")],
        [{"who": 0, "week": 0}, {"who": 0, "week": 1, "variant_id": "v2"}],
        [{"who": 0, "week": 1, "occurred_at": made_at, "margin_minor": 80}],  # made in week 0, known in week 1
    )
    _, sums, _ = cells(warehouse, facts, weeks=2)
    assert sums.tolist() == [[80, 0]]
    _, sums, _ = cells(warehouse, facts, weeks=1)
    assert sums.tolist() == [[0, 0]]  # not known yet
    _, lags = rewards(warehouse, facts, 2)
    assert lags.to_pylist() == [{"made": 0, "known": 1, "orders": 1}]


def test_young_weeks_are_scaled_up_or_left_out(warehouse: Warehouse, campaign: Any) -> None:
    facts = campaign([("a", "broad")], [{"who": 0, "cost_micros": 100_000}], [{"who": 0, "margin_minor": 60}])
    counts, sums, squares = cells(warehouse, facts, known=[0.6])
    assert (counts[0, 0], sums[0, 0], squares[0, 0]) == pytest.approx((1, 60 / 0.6 - 10, 90**2))
    counts, _, _ = cells(warehouse, facts, known=[0.4])
    assert counts.sum() == 0


def test_weights_undo_a_choice_that_followed_the_good_weeks(warehouse: Warehouse, campaign: Any) -> None:
    """Both variants are alike; v1 was shown mostly in the week in which everybody buys more."""
    people, shown, bought = [], [], []
    for week, (chance, margin) in enumerate(((0.2, 10), (0.8, 100))):
        for place in range(20):
            first = place < 20 * chance
            who = len(people)
            people.append(("a", "broad"))
            shown.append(
                {
                    "who": who,
                    "week": week,
                    "variant_id": "v1" if first else "v2",
                    "probability": chance if first else 1 - chance,
                }
            )
            bought.append({"who": who, "week": week, "margin_minor": margin})
    counts, sums, _ = cells(warehouse, campaign(people, shown, bought), weeks=2)
    assert (sums / counts)[0] == pytest.approx([55, 55])
    assert (counts < 20).all()  # uneven weights are worth fewer profile-weeks


def test_a_fit_is_the_same_twice_and_follows_promotion(warehouse: Warehouse, campaign: Any, now: datetime) -> None:
    facts = campaign(
        [("a", "broad")] * 8,
        [{"who": i, "variant_id": f"v{1 + i % 2}"} for i in range(8)],
        [{"who": i, "margin_minor": 100 + 400 * (i % 2)} for i in range(8)],
    )
    sums, lags = rewards(warehouse, facts, 1)
    arguments = {
        "campaign": "spring",
        "now": now,
        "weeks": 1,
        "segments": ("a", "b"),
        "variants": ("v1", "v2"),
        "briefs": ("broad", "a"),
        "steps": (0, 0),
        "prior": Prior(noise_sd=10.0),
        "currency": "GBP",
    }
    one = fit_snapshot(sums, lags, **arguments, promoted={"a": Rung.SEGMENT})
    two = fit_snapshot(
        sums.take(list(range(sums.num_rows))[::-1]), lags, **arguments, promoted={"a": Rung.SEGMENT}
    )
    other = fit_snapshot(sums, lags, **arguments, promoted={})
    assert to_json(one) == to_json(two)
    assert one.promoted == (Rung.SEGMENT, Rung.BROAD)
    assert other.snapshot_id != one.snapshot_id
    assert one.mean[0, 0] < one.mean[0, 1]


number = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(words, min_size=1, max_size=3), st.lists(words, max_size=3), st.data())
def test_a_snapshot_comes_back_to_the_last_bit(
    segments: list[str], variants: list[str], data: st.DataObject
) -> None:
    s, v = len(segments), len(variants)
    snapshot = Snapshot(
        snapshot_id="snap_1",
        campaign="spring",
        made_at=data.draw(st.datetimes()),
        segments=tuple(segments),
        variants=tuple(variants),
        briefs=tuple(variants),
        steps=tuple(range(v)),
        mean=np.array(data.draw(st.lists(number, min_size=s * v, max_size=s * v))).reshape(s, v),
        covariance=np.array(data.draw(st.lists(number, min_size=s * v * v, max_size=s * v * v))).reshape(s, v, v),
        promoted=tuple(data.draw(st.sampled_from(Rung)) for _ in segments),
    )
    back = from_json(to_json(snapshot))
    assert back.mean.tobytes() == snapshot.mean.astype(np.float64).tobytes()
    assert back.covariance.tobytes() == snapshot.covariance.astype(np.float64).tobytes()
    assert to_json(back) == to_json(snapshot)
    assert (back.made_at, back.promoted, back.steps) == (snapshot.made_at, snapshot.promoted, snapshot.steps)


def test_snapshots_are_versions_published_once(ledger: Ledger, now: datetime) -> None:
    first = Snapshot(
        "snap_1",
        "spring",
        now,
        ("a",),
        ("v",),
        ("broad",),
        (0,),
        np.ones((1, 1)),
        np.ones((1, 1, 1)),
        (Rung.BROAD,),
    )
    second = replace(first, snapshot_id="snap_2", promoted=(Rung.SEGMENT,))
    with ledger.begin() as session:
        assert latest(session, "spring") is None
        assert [publish(session, s) for s in (first, second, first)] == [1, 2, 1]
        assert publish(session, replace(first, snapshot_id="snap_3", campaign="autumn")) == 1
        with pytest.raises(Conflict, match="other content"):
            publish(session, replace(first, promoted=(Rung.NONE,)))
    with ledger() as session:
        newest = latest(session, "spring")
        assert newest is not None
        assert to_json(newest) == to_json(second)
        assert to_json(read(session, "snap_1")) == to_json(first)
        with pytest.raises(NotFound, match="no snapshot 'snap_9'"):
            read(session, "snap_9")
