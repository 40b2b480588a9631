"""From events to pain points: what is planted is found, dated and counted; without it nothing is."""

from datetime import timedelta
from itertools import pairwise

import ibis
import pyarrow as pa
import pytest
from shop_days import AS_OF, FIRST, fact_of, shop_events

from omnimix.audience.journey.pain.point import behind_point, ratio_of
from omnimix.audience.journey.pain.record import Interval, Kind, PainReport
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.rules import JourneyRules
from omnimix.core.errors import InvalidInput
from omnimix.flow.pain import PainRows, few_valued, look_for_pain, pain_tables
from omnimix.store.warehouse import Warehouse

INCIDENT = (60, 80)
MARGIN = Interval(2_000, 1_800, 2_200)


def rows_of(warehouse: Warehouse, events: pa.Table) -> PainRows:
    table = warehouse.materialise(ibis.memtable(events))
    return pain_tables(warehouse, table, rules=PainRules(), journey=JourneyRules(), as_of=AS_OF)


def report_of(warehouse: Warehouse, rows: PainRows) -> PainReport:
    return look_for_pain(warehouse, rows, rules=PainRules(), as_of=AS_OF, currency="GBP", margin=MARGIN)


def test_a_planted_incident_is_one_pain_point_in_any_order_of_rows_and_its_people_can_be_listed(
    warehouse: Warehouse,
) -> None:
    events = shop_events(3, incident=INCIDENT)
    rows = rows_of(warehouse, events)
    report = report_of(warehouse, rows)
    assert len(report.points) == 1
    assert report.standing == report.traffic == ()
    point = report.points[0]
    assert (point.kind, point.step, point.next_step) == (Kind.ERROR, "Checkout Started", "Payment Failed")
    assert point.who == (("device", "mobile"),)
    assert point.period is not None
    assert point.period.ends_on is not None
    assert abs((point.period.starts_on - (FIRST + timedelta(days=INCIDENT[0])).date()).days) <= 3
    assert abs((point.period.ends_on - (FIRST + timedelta(days=INCIDENT[1])).date()).days) <= 3
    assert point.period.starts_from <= point.period.starts_on <= point.period.starts_to
    failed = [e for e in events.to_pylist() if e["name"] == "Payment Failed"]
    within = [e for e in failed if point.period.starts_on <= e["occurred_at"].date() <= point.period.ends_on]
    assert (point.hurt, point.affected) == (len(within), len({e["profile_id"] for e in within}))
    assert point.rate.low <= point.hurt / point.tried == point.rate.value <= point.rate.high
    assert point.expected == pytest.approx(0, abs=0.01)
    assert point.excess.value == pytest.approx(point.hurt, rel=0.02)
    # Who checks out otherwise buys in seven of ten visits; of those hurt hardly anybody soon.
    assert point.lost_people is not None
    assert point.lost_people.low <= 0.7 * point.hurt <= point.lost_people.high * 1.2
    assert point.lost_minor is not None
    assert point.lost_minor.value == pytest.approx(point.lost_people.value * MARGIN.value)
    assert point.q_value < 1e-6
    assert all(part in point.sentence for part in ("Checkout Started", "mobile", "Payment Failed"))
    days = (point.period.starts_on, point.period.ends_on)
    behind = warehouse.arrow(
        behind_point(rows.seen, rows.tried, rows.hurt, ratio_of(point), point.who, days)
    ).to_pylist()
    assert len(behind) == point.tried
    assert sum(r["bad"] for r in behind) == point.hurt
    assert len({r["profile_id"] for r in behind if r["bad"]}) == point.affected
    mixed = events.take(list(reversed(range(events.num_rows))))
    assert report_of(warehouse, rows_of(warehouse, mixed)) == report


def test_an_incident_that_goes_on_has_no_end(warehouse: Warehouse) -> None:
    report = report_of(warehouse, rows_of(warehouse, shop_events(4, incident=(100, 200))))
    assert [p.period.ends_on for p in report.points if p.period] == [None]
    assert report.points[0].sentence.startswith("Since ")


def test_growth_and_weekends_are_no_pain(warehouse: Warehouse) -> None:
    report = report_of(warehouse, rows_of(warehouse, shop_events(11)))
    assert (report.points, report.standing, report.traffic) == ((), (), ())
    assert report.scanned > 50
    # Everything else is said nevertheless.
    assert any(c.dimension == "visitor" for c in report.contrasts)
    assert all(a.month < b.month for c in report.cohorts for a, b in pairwise(c.cohorts))


def test_nothing_seen_is_said(warehouse: Warehouse) -> None:
    report = report_of(warehouse, rows_of(warehouse, shop_events(1).slice(0, 0)))
    assert (report.sessions, report.points, report.first_on) == (0, (), None)
    single = report_of(warehouse, rows_of(warehouse, shop_events(1).slice(0, 1)))
    assert (single.sessions, single.points) == (1, ())


def test_properties_with_few_values_are_dimensions(warehouse: Warehouse) -> None:
    texts = [f'{{"plan": "{"gold" if i % 2 else "free"}", "query": "q{i}", "n": 3}}' for i in range(40)]
    table = fact_of(["home"] * 40, [FIRST] * 40, ["a"] * 40, properties=texts)
    assert few_valued(warehouse, ibis.memtable(table), most=12) == ("plan",)


def test_a_pattern_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidInput, match="pattern") as raised:
        PainRules(error="(")
    assert raised.value.where == "pain.error"
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        PainRules(false_rate=1.5)
