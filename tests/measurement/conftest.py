"""Small campaigns for the measurement tests: fact tables from short tuples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from ibis.expr.types import Table

from omnimix.store.facts import ASSIGNMENT, CONVERSION, EXPOSURE

STARTS = datetime(2026, 3, 2)


@dataclass(frozen=True)
class Facts:
    """The three facts of a campaign, as Arrow and as expressions."""

    assigned: pa.Table
    exposed: pa.Table
    converted: pa.Table

    @property
    def tables(self) -> tuple[Table, Table, Table]:
        return ibis.memtable(self.assigned), ibis.memtable(self.exposed), ibis.memtable(self.converted)

    def reversed(self) -> "Facts":
        flipped = (t.take(pa.array(range(t.num_rows - 1, -1, -1), pa.int64())) for t in self._all())
        return Facts(*flipped)

    def _all(self) -> tuple[pa.Table, pa.Table, pa.Table]:
        return self.assigned, self.exposed, self.converted


def _rows(schema: ibis.Schema, rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema.to_pyarrow())


def build(
    people: Sequence[tuple[str, str]],
    shown: Sequence[dict[str, Any]] = (),
    bought: Sequence[dict[str, Any]] = (),
    *,
    campaign: str = "spring",
    currency: str = "GBP",
) -> Facts:
    """`people`: (segment, lane). `shown` and `bought` name a person by place (`who`) and override defaults."""
    base = {"campaign": campaign, "simulated": False}
    assigned = [base | {"profile_id": f"p{i}", "segment": s, "lane": lane} for i, (s, lane) in enumerate(people)]
    exposed = [
        base
        | {
            "exposure_id": f"{campaign}-e{i}",
            "profile_id": f"p{row['who']}",
            "segment": people[row["who"]][0],
            "lane": people[row["who"]][1],
            "rung": people[row["who"]][1],
            "channel": "email_files",
            "variant_id": "v1",
            "probability": 1.0,
            "snapshot_id": "snap",
            "occurred_at": STARTS + timedelta(weeks=row.get("week", 0), seconds=i),
            "week": 0,
            "impressions": 1,
            "clicks": 0,
            "bot_clicks": 0,
            "cost_micros": 0,
            "currency": currency,
            "irrelevant": False,
        }
        | {k: v for k, v in row.items() if k != "who"}
        for i, row in enumerate(shown)
    ]
    converted = [
        base
        | {
            "conversion_id": f"{campaign}-c{i}",
            "profile_id": f"p{row['who']}",
            "occurred_at": STARTS + timedelta(weeks=row.get("week", 0), days=4, seconds=i),
            "week": 0,
            "revenue_minor": 2 * row["margin_minor"],
            "refund": row["margin_minor"] < 0,
            "variant_id": None,
            "currency": currency,
        }
        | {k: v for k, v in row.items() if k != "who"}
        for i, row in enumerate(bought)
    ]
    return Facts(_rows(ASSIGNMENT, assigned), _rows(EXPOSURE, exposed), _rows(CONVERSION, converted))


@pytest.fixture
def campaign() -> Callable[..., Facts]:
    """Builds the facts of a small campaign."""
    return build
