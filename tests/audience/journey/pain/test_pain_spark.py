"""Spark finds the same pain as DuckDB, to the last figure."""

import ibis
import pytest
from shop_days import AS_OF, shop_events

from omnimix.audience.journey.pain.record import PainReport
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.rules import JourneyRules
from omnimix.flow.pain import look_for_pain, pain_tables
from omnimix.store.warehouse import Warehouse

pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def found(warehouse: Warehouse) -> PainReport:
    events = ibis.memtable(shop_events(3, visits=900, incident=(60, 80)))
    rows = pain_tables(warehouse, events, rules=PainRules(), journey=JourneyRules(), as_of=AS_OF)
    return look_for_pain(warehouse, rows, rules=PainRules(), as_of=AS_OF, currency="GBP")


def test_spark_finds_the_same(spark: Warehouse, warehouse: Warehouse) -> None:
    report = found(spark)
    assert report == found(warehouse)
    assert report.points
