"""The campaign's figures again, by SQL over the Parquet files and a fresh hand: nothing of the measuring code."""

import math
import re
from collections import Counter
from typing import Any

import duckdb
import pytest
from scipy import stats
from tests.flow.conftest import Ran

from omnimix.creative.variant import Variant
from omnimix.flow.create import approved_of
from omnimix.flow.measure import Result, measure, post_books
from omnimix.measurement.books.entry import Account

_VALUE = """
  select a.segment, a.lane,
    (coalesce((select sum(margin_minor) * 10000 from conversion v
               where v.profile_id = a.profile_id and v.week < {look}), 0)
   - coalesce((select sum(cost_micros + round(cost_micros * {share})) from exposure x
               where x.profile_id = a.profile_id and x.week < {look}), 0)) / 10000.0 / {look} as y
  from assignment a
"""


class Facts:
    """The Parquet files of a workspace, by SQL."""

    def __init__(self, ran: Ran) -> None:
        self._engine = duckdb.connect()
        for name in ("assignment", "exposure", "conversion", "order_line", "link"):
            path = ran.machine.warehouse.root / name / "**" / "*.parquet"
            self._engine.sql(f"create view {name} as select * from read_parquet('{path}')")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._engine.sql(query).fetchall()


@pytest.fixture
def facts(ran: Ran) -> Facts:
    return Facts(ran)


@pytest.fixture
def result(ran: Ran) -> Result:
    return ran.machine.artifacts.load("first/result", Result)


def test_effects_and_their_intervals(ran: Ran, facts: Facts, result: Result) -> None:
    share, checked = ran.job.costs.platform_share, 0
    for reading in result.readings:
        lanes = _VALUE.format(look=reading.look, share=share)
        query = f"select segment, lane, count(*), avg(y), var_samp(y) from ({lanes}) group by all"
        cells = {(s, lane): (n, mean, var) for s, lane, n, mean, var in facts.rows(query)}
        assert len({s for s, _ in cells}) == 1  # one stratum: the difference is a difference of two means
        for effect in reading.effects:
            (name,) = {s for s, _ in cells}
            (n1, m1, v1), (n0, m0, v0) = cells[name, effect.rung], cells[name, effect.against]
            assert (effect.n, effect.n_against) == (n1, n0)
            assert effect.estimate == pytest.approx(m1 - m0 - effect.cost, abs=1e-6)
            error = math.sqrt(v1 / n1 + v0 / n0)
            freedom = error**4 / ((v1 / n1) ** 2 / (n1 - 1) + (v0 / n0) ** 2 / (n0 - 1))
            half = stats.t.ppf(0.5 + effect.level / 2, freedom) * error
            assert effect.fixed_high - effect.estimate == pytest.approx(half, rel=1e-6)
            assert effect.high - effect.estimate >= half * 0.999  # looking every week costs width
            checked += 1
    assert checked >= 10


def test_totals_and_rates(facts: Facts, result: Result) -> None:
    (total,) = result.performance["total"]
    shown = facts.rows("select sum(impressions), sum(clicks), sum(cost_micros) from exposure")[0]
    assert (total["impressions"], total["clicks"], total["cost_micros"]) == shown
    orders = "count(*) filter (not refund), sum(revenue_minor) filter (not refund), sum(margin_minor)"
    bought = facts.rows(f"select {orders} from conversion")[0]
    assert (total["conversions"], total["revenue_minor"], total["margin_minor"]) == bought
    wrong = facts.rows("select sum(impressions) filter (irrelevant) / sum(impressions) from exposure")[0][0]
    assert result.irrelevance_rate == pytest.approx(wrong or 0)
    assert 0 <= result.irrelevance_rate < 1
    for by, table in result.performance.items():
        for figure in ("impressions", "cost_micros", "conversions", "revenue_minor", "margin_minor"):
            assert sum(row[figure] for row in table) == total[figure], (by, figure)


def test_books_say_what_the_facts_say(ran: Ran, facts: Facts, result: Result) -> None:
    books = result.statement
    assert books.balanced
    micros, weeks = facts.rows("select sum(cost_micros), count(distinct (week, channel)) from exposure")[0]
    assert abs(books.cost(Account.MEDIA) - micros / 10_000) <= weeks / 2
    assert abs(books.cost(Account.PLATFORM) - micros / 10_000 * ran.job.costs.platform_share) <= weeks / 2
    assert books.margin == facts.rows("select sum(margin_minor) from conversion")[0][0]
    made = len(approved_of(ran.machine, ran.job))
    assert books.cost(Account.CREATIVE) == made * 2500
    assert books.cost(Account.REVIEW) == made * 500
    assert books.cost(Account.DATA) == 1500
    increment = result.readings[-1].increment
    assert books.romi is not None
    assert increment is not None
    fixed = made * 3000 + 1500
    assert books.romi.ratio == pytest.approx((increment.net_of_media - fixed) / books.costs)
    credited = facts.rows("select sum(revenue_minor) from conversion where variant_id is not null")[0][0] or 0
    assert books.roas is not None
    assert books.roas.revenue_minor == credited


def test_posting_and_measuring_again_change_nothing(ran: Ran, result: Result) -> None:
    variants = approved_of(ran.machine, ran.job)
    assert post_books(ran.machine, ran.job, variants, profiles=1500) == 0
    measure(ran.machine, ran.job)
    assert ran.machine.artifacts.load("first/result", Result) == result


def test_sample_ratio(ran: Ran, facts: Facts, result: Result) -> None:
    found = next(c for c in result.readings[-1].checks if c.segment is None)
    people = Counter(dict(facts.rows("select lane, count(*) from assignment group by 1")))
    wanted = {lane: share * people.total() for lane, share in ran.job.ladder.shares().items() if share}
    chi2 = sum((people[lane] - n) ** 2 / n for lane, n in wanted.items())
    assert found.chi2 == pytest.approx(chi2)
    assert found.p == pytest.approx(stats.chi2.sf(chi2, len(wanted) - 1))


def test_buyers_in_claims_are_people_who_bought(ran: Ran, facts: Facts) -> None:
    query = """select product_id, count(distinct profile_id) from order_line
               join link on person_key = key where order_line.kind = 'sale' group by 1"""
    buyers = dict(facts.rows(query))
    for variant in ran.machine.artifacts.load("first/variants", tuple[Variant, ...]):
        for claim in variant.claims:
            named = re.fullmatch(r"orders:(\w+):buyers", claim.source)
            if named:
                said = int(re.search(r"\d[\d,]*", claim.text)[0].replace(",", ""))  # type: ignore[index]
                assert said == buyers[named[1]], claim
