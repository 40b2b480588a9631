"""Segments and personas of a real shop: those its owner would recognise."""

import datetime as dt
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from ibis import _

from omnimix.audience.persona.fit import fit_base_portrait, fit_personas
from omnimix.audience.segment.cluster import SegmentRules, fit_segments, members
from omnimix.audience.segment.features import features
from omnimix.audience.segment.segment import REST
from omnimix.store.facts import EVENT
from omnimix.store.warehouse import Warehouse
from omnimix.testing import shop

AS_OF = dt.datetime(2011, 12, 10)
CUSTOMERS = 4_372


def shop_features(warehouse: Warehouse) -> pa.Table:
    folder = Path(shop.__file__).parent
    sold = warehouse.connection.read_parquet(str(folder / "online_retail.parquet"))
    fees = ["POST", "D", "M", "C2", "DOT", "BANK CHARGES", "CRUK", "AMAZONFEE", "S", "B", "PADS"]
    lines = sold.filter(_.CustomerID.notnull()).select(
        profile_id=_.CustomerID.cast("string"),
        order_id=_.InvoiceNo,
        product_id=_.StockCode,
        occurred_at=_.InvoiceDate.cast("timestamp(6)"),
        quantity=_.Quantity,
        amount_minor=(_.Quantity * _.UnitPrice * 100).round().cast("int64"),
        country=_.Country,
        kind=ibis.cases((_.StockCode.isin(fees), "fee"), (_.Quantity < 0, "return"), else_="sale"),
    )
    listed = pa.csv.read_csv(folder / "products.csv").select(["product_id", "category", "margin_share"])
    nothing = EVENT.to_pyarrow().empty_table().append_column("profile_id", pa.array([], pa.string()))
    table = features(lines, ibis.memtable(nothing), ibis.memtable(listed), as_of=AS_OF, timezone="Europe/London")
    return warehouse.arrow(table)


def test_the_shop_has_a_handful_of_segments_with_precise_rules(warehouse: Warehouse) -> None:
    rows = shop_features(warehouse)
    assert rows.num_rows == CUSTOMERS
    assert pc.sum(rows["revenue_minor"]).as_py() > 800_000_000  # £8.3m from known customers, fees apart
    found = fit_segments(rows, SegmentRules(resamples=4, starts=2, bootstraps=8), seed=7, currency="GBP")
    placed = members(rows, found, as_of=AS_OF)
    assert placed.num_rows == CUSTOMERS == sum(s.size for s in found.segments)
    named = [s for s in found.segments if s.key != REST]
    assert 4 <= len(named) <= 7
    assert all(s.size >= 0.03 * CUSTOMERS for s in named)
    assert np.mean([s.precision for s in named]) >= 0.7
    assert {"Loyal regulars", "Bulk buyers"} <= {s.name for s in named}
    assert any("apsed" in s.name for s in named)
    personas = fit_personas(rows, placed, found, currency="GBP")
    assert [p.segment for p in personas] == named
    assert all(p.statements for p in personas)
    assert sum(len(p.statements) for p in personas) >= 4 * len(personas)
    assert fit_base_portrait(rows, currency="GBP").segment.size == CUSTOMERS
