"""The whole audience stage under DuckDB and under Spark: every answer the same, row by row."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.flow.conftest import clock

from omnimix.app import machine_of, settings_of
from omnimix.flow.campaign import understand_steps
from omnimix.flow.step import StepResult, run_steps
from omnimix.store.warehouse import Warehouse
from omnimix.testing.engines import Recording, differences

pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.slow,
]


def understood(folder: Path, warehouse: Warehouse | None) -> tuple[Recording, list[Any]]:
    """Run stages 1 and 2 anew in a copied shop under an engine; its answers, and what each step came to."""
    settings = settings_of(folder, os.environ)
    with machine_of(settings, os.environ, clock=clock) as machine:
        recording = Recording(warehouse or machine.warehouse)
        there = replace(machine, warehouse=recording)  # type: ignore[arg-type]
        steps = run_steps("engines", understand_steps(there), ledger=there.ledger, clock=clock, fresh=True)
        return recording, [came_to(step) for step in steps]


def came_to(step: StepResult) -> tuple[str, int, int]:
    """What a step counted."""
    return step.name, step.rows_in, step.rows_out


def as_if_live(facts: Path) -> None:
    """Give every instant of events and orders a fraction of a second, as those that come in live have."""
    for file in sorted(p for fact in ("event", "order_line") for p in (facts / fact).rglob("*.parquet")):
        rows = pq.read_table(file)
        fractions = pa.array(np.arange(rows.num_rows) * 7919 % 1_000_000 + 1, pa.duration("us"))
        place = rows.schema.get_field_index("occurred_at")
        pq.write_table(
            rows.set_column(place, rows.schema.field(place), pc.add(rows["occurred_at"], fractions)), file
        )


def test_spark_answers_as_duckdb_does(tmp_path: Path, ran_once: tuple[Path, Any], spark: Warehouse) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for copy in (here, there):
        shutil.copytree(ran_once[0], copy, ignore=shutil.ignore_patterns("out", "online"))
        as_if_live(copy / ".omnimix" / "facts")
    spark.root = spark.local.root = there / ".omnimix" / "facts"
    one, counts = understood(here, None)
    other, counted = understood(there, spark)
    assert list(differences(one.answers, other.answers)) == []
    assert counted == counts
    assert len(one.answers) > 100
