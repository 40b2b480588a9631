"""Spark over the same files: what Ibis alone would get wrong."""

from datetime import datetime

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _

from omnimix.store.instants import seconds
from omnimix.store.warehouse import Warehouse

pytestmark = [
    pytest.mark.xdist_group("spark"),  # one Java for all
    pytest.mark.allow_hosts(["127.0.0.1"]),  # which Python speaks to over loopback
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def test_nulls_of_a_table_in_memory_stay_null(spark: Warehouse) -> None:
    rows = pa.table({"n": [1, 2], "text": pa.array(["x", None]), "whole": pa.array([None, 3], pa.int64())})
    found = spark.arrow(ibis.memtable(rows).order_by("n"))
    assert found.to_pylist() == rows.to_pylist()
    assert found.schema.field("whole").type == pa.int64()


def test_instants_have_no_zone_and_keep_their_microseconds(spark: Warehouse) -> None:
    at = datetime(2026, 3, 29, 1, 30, 0, 123456)  # within the hour that a European summer time leaves out
    spark.write("seen", pa.table({"at": pa.array([at], pa.timestamp("us"))}))
    table = spark.table("seen")
    late = table.filter(_.at >= ibis.literal(at, "timestamp(6)")).mutate(seconds=seconds(_.at))
    here = spark.local.table("seen").mutate(seconds=seconds(_.at))
    assert spark.arrow(late).to_pylist() == spark.local.arrow(here).to_pylist()


def test_a_column_that_older_parts_lack_is_null_there(spark: Warehouse) -> None:
    folder = spark.root / "things"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}), folder / "old.parquet")
    pq.write_table(pa.table({"a": [2], "b": ["new"]}), folder / "recent.parquet")
    expected = [{"a": 1, "b": None}, {"a": 2, "b": "new"}]
    for warehouse in (spark, spark.local):
        assert warehouse.arrow(warehouse.table("things").order_by("a")).to_pylist() == expected


def test_materialise_computes_once(spark: Warehouse) -> None:
    spark.write("numbers", pa.table({"n": list(range(100))}))
    kept = spark.materialise(spark.table("numbers").mutate(draw=ibis.random()))
    assert spark.arrow(kept.order_by("n")).equals(spark.arrow(kept.order_by("n")))


def test_an_empty_fact_is_an_empty_table(spark: Warehouse) -> None:
    assert spark.arrow(spark.table("order_line")).num_rows == 0
