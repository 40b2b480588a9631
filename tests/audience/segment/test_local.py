"""Local time agrees with the zone's own rules."""

import datetime as dt
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from omnimix.audience.segment.local import local, offsets
from omnimix.core.errors import InvalidInput
from omnimix.store.warehouse import Warehouse

UNTIL = dt.datetime(2026, 6, 1)


@settings(max_examples=8, phases=(Phase.explicit, Phase.generate))
@given(
    at=st.lists(st.datetimes(dt.datetime(2016, 1, 1), UNTIL), min_size=1, max_size=12),
    zone=st.sampled_from(["Europe/London", "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]),
)
def test_as_the_standard_library_says(warehouse: Warehouse, at: list[dt.datetime], zone: str) -> None:
    table = ibis.memtable(pa.table({"at": pa.array(at, pa.timestamp("us"))}))
    shown = table.mutate(shown=local(table.at, zone, until=UNTIL))
    for row in warehouse.arrow(shown).to_pylist():
        expected = row["at"].replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert row["shown"] == expected


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"'Europe/Lundon'.*Europe/London"):
        offsets("Europe/Lundon", until=UNTIL)
