"""A campaign's pace comes from its file and its traffic; its standing and recount from the counter and the log."""

from collections import Counter as Tally
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import NOW
from tests.flow.conftest import Ran

from omnimix.activation.decide.budget import GRACE_US, LEASE_US, Counter, key_of, read_counter, renewed, written
from omnimix.activation.decide.decision import Decided, packed
from omnimix.activation.decide.pacing import HOUR, SECOND, Pace, Pacing, Way
from omnimix.activation.decide.purse import Purse
from omnimix.flow.pacing import (
    WEEKS,
    Paid,
    hours_of_week,
    micros_at,
    pace_of,
    recount,
    recount_all,
    smoothed,
    standing,
)
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.port import Change, OnlineStore
from omnimix.store.warehouse import Warehouse

PACE = Pace("c", daily=24_000_000, way=Way.AT_ONCE, timezone="Europe/London")
NOON_US = micros_at(NOW)


@pytest.fixture
def online(tmp_path: Path) -> Iterator[OnlineStore]:
    store = LmdbStore(tmp_path / "online", map_bytes=1 << 26)
    yield store
    store.close()


def test_hours_of_the_week_are_the_shop_s(warehouse: Warehouse) -> None:
    zone = ZoneInfo("Europe/London")
    rng = np.random.default_rng(5)
    at = [NOW - timedelta(minutes=int(m)) for m in rng.integers(-5_000, 7 * 1440 * (WEEKS + 1), 400)]
    seen = ibis.memtable({"occurred_at": at}, schema={"occurred_at": "timestamp(6)"})
    table = hours_of_week(seen, until=NOW, timezone="Europe/London")
    found = {r["hour"]: r["seen"] for r in warehouse.arrow(table).to_pylist()}
    inside = [a for a in at if NOW - timedelta(weeks=WEEKS) <= a < NOW]
    local = [a.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone) for a in inside]
    assert found == Tally(a.weekday() * 24 + a.hour for a in local)


@given(st.lists(st.integers(0, 1000), min_size=168, max_size=168).filter(any))
def test_a_profile_is_shares_near_the_counts(counts: list[int]) -> None:
    shares = smoothed(np.array(counts, dtype=np.float64))
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0
    big = smoothed(np.array(counts, dtype=np.float64) * 1e6)
    assert big == pytest.approx([c / sum(counts) for c in counts], abs=1e-4)


def test_standing_is_plan_and_spent_of_the_local_day(online: OnlineStore) -> None:
    purse = Purse(online, "w", {"c": PACE})
    assert purse.spend("c", 3_000_000, NOON_US)
    purse.renew(NOON_US + SECOND)
    found = standing(online, PACE, NOW + timedelta(seconds=1))
    assert found.date == "2026-11-01"
    assert found.spent_today == 3_000_000 == found.spent[12]
    assert len(found.plan) == len(found.spent) == 24
    assert sum(found.plan) == PACE.daily
    assert found.planned_by_now == pytest.approx(12_000_000, abs=1_000)
    assert (found.workers, found.missing) == (1, ())
    assert found.on_loan > 0
    tomorrow = standing(online, PACE, NOW + timedelta(days=1))
    assert tomorrow.spent_today == 0
    assert tomorrow.spent_before == 3_000_000 + found.on_loan
    assert tomorrow.workers == 0


def test_a_day_of_twenty_five_hours_is_planned_whole(online: OnlineStore) -> None:
    found = standing(online, PACE, datetime(2026, 10, 25, 12))
    assert len(found.plan) == 25
    assert sum(found.plan) == PACE.daily


def test_what_a_killed_worker_holds_comes_back(online: OnlineStore) -> None:
    counter = renewed(Counter(), PACE, "killed", day=0, spent=0, need=5_000_000, now_us=NOON_US)
    online.change([], lambda _: Change({key_of("c"): written(counter)}))
    paid = Paid(0, 0, {12: 1_000_000})
    early = recount(online, PACE, paid, now=NOW)
    assert early.granted == 5_000_000
    later = NOW + timedelta(microseconds=LEASE_US + GRACE_US + 1)
    after = recount(online, PACE, paid, now=later)
    assert after.granted == after.spent == 1_000_000
    assert read_counter(online.read([key_of("c")])[0]) == after


def test_a_lost_counter_is_made_from_the_log(ran: Ran) -> None:
    job = replace(ran.job, pacing=Pacing(total_budget="900.00", cost_per_thousand="20.00"))
    pace = pace_of(ran.machine, job)
    assert (pace.cost, pace.total) == (20_000, 900_000_000)
    assert sum(pace.profile) == pytest.approx(1)
    store = ran.machine.online()
    at = [NOON_US - HOUR, NOON_US - 2 * HOUR, NOON_US - 24 * HOUR, NOON_US]
    entries = [packed(decided(i, pace.campaign, when, pace.cost)) for i, when in enumerate(at)]
    store.change([], lambda _: Change({key_of(pace.campaign): None}, entries))
    store.close()
    assert recount_all(ran.machine, {pace.campaign: pace}) == {pace.campaign: 0}
    store = ran.machine.online()
    found = standing(store, pace, NOW)
    store.close()
    assert found.spent_before == pace.cost
    assert found.spent_today == sum(found.spent) == 3 * pace.cost
    assert recount_all(ran.machine, {pace.campaign: pace}) == {}


def decided(number: int, campaign: str, at_us: int, cost: int) -> Decided:
    """A paid decision."""
    return Decided(
        decision_id=f"d{number}",
        at_us=at_us,
        person="p",
        campaign=campaign,
        placement="web",
        channel="web",
        release="r",
        snapshot="s",
        model="",
        segment="",
        lane="broad",
        rung="broad",
        step=0,
        draw=0.5,
        against=[],
        pool=1,
        eligible=1,
        chances=b"",
        chosen=0,
        variant="v",
        probability=1.0,
        cost=cost,
    )
