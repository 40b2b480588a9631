from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from omnimix.store.facts import EVENT
from omnimix.testing.events import NAMES, make_events, write_events


@given(count=st.integers(1, 3_000), seed=st.integers(0, 99))
def test_as_many_events_as_wanted_and_the_same_again(count: int, seed: int) -> None:
    made = make_events(count, seed=seed)
    assert made.num_rows == count
    assert made.equals(make_events(count, seed=seed))
    assert len(set(made["event_id"].to_pylist())) == count
    assert set(made["name"].to_pylist()) <= set(NAMES)
    assert made["occurred_at"].to_pylist() == sorted(made["occurred_at"].to_pylist())
    assert made.column_names == [*EVENT.names, "profile_id"]


def test_another_seed_gives_other_events() -> None:
    assert not make_events(500, seed=1).equals(make_events(500, seed=2))


def test_a_file_is_written_in_parts_without_repeating_an_id(tmp_path: Path) -> None:
    write_events(tmp_path / "events.parquet", 2_500, seed=3, part=1_000)
    rows = pq.read_table(tmp_path / "events.parquet")
    assert rows.num_rows == len(set(rows["event_id"].to_pylist())) == 2_500
