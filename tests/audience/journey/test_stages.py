from datetime import datetime, timedelta

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journeys import AS_OF, Event, event_lists, event_table, timelines

from omnimix.audience.journey.behind import behind_stage, behind_stage_move
from omnimix.audience.journey.journey import START
from omnimix.audience.journey.rules import METRICS, JourneyRules, Lifecycle, Stage
from omnimix.audience.journey.stages import activity, stage_counts, stage_moves, staged_moves, stages
from omnimix.core.errors import InvalidInput
from omnimix.store.warehouse import Warehouse

EARLIER = AS_OF - timedelta(days=30)


def slow_stage(line: list[Event], day: datetime) -> str | None:
    """The shop's default stages, written out."""
    line = [e for e in line if e[3] < day]
    if not line:
        return None
    ordered = [e[3] for e in line if e[2] == "Order Completed"]
    if not ordered:
        return "prospect"
    recency = (day - max(ordered)).days
    if len(ordered) == 1 and recency <= 60:
        return "first_time"
    if recency <= 90:
        return "loyal" if len(ordered) >= 5 else "active" if len(ordered) >= 2 else "at_risk"
    return "at_risk" if recency <= 180 else "lapsed"


@settings(max_examples=8)  # each compiles its queries anew
@given(events=event_lists(), age=st.sampled_from([0, 50, 100, 300]))
def test_everybody_is_in_exactly_one_stage(warehouse: Warehouse, events: list[Event], age: int) -> None:
    day = AS_OF + timedelta(days=age)
    staged = warehouse.materialise(stages(activity(event_table(events), as_of=day), Lifecycle()))
    rows = warehouse.arrow(staged).to_pylist()
    assert {r["profile_id"]: r["stage"] for r in rows} == {
        p: slow_stage(e, day) for p, e in timelines(events).items()
    }
    assert len(rows) == len(timelines(events))
    for row in warehouse.arrow(stage_counts(staged)).to_pylist():
        assert warehouse.arrow(behind_stage(staged, row["stage"])).num_rows == row["profiles"]


@settings(max_examples=6)
@given(events=event_lists())
def test_moves_between_two_days_lose_nobody(warehouse: Warehouse, events: list[Event]) -> None:
    before, after = (stages(activity(event_table(events), as_of=d), Lifecycle()) for d in (EARLIER, AS_OF))
    moved = warehouse.materialise(staged_moves(before, after))
    expected: dict[tuple[str, str], set[str]] = {}
    for profile, line in timelines(events).items():
        expected.setdefault((slow_stage(line, EARLIER) or START, slow_stage(line, AS_OF) or ""), set()).add(
            profile
        )
    rows = warehouse.arrow(stage_moves(moved)).to_pylist()
    assert {(r["stage"], r["next_stage"]): r["profiles"] for r in rows} == {m: len(p) for m, p in expected.items()}
    for stage, following in expected:
        ids = warehouse.arrow(behind_stage_move(moved, stage, following))["profile_id"].to_pylist()
        assert set(ids) == expected[stage, following]


def test_people_without_events_are_prospects(warehouse: Warehouse) -> None:
    people = ibis.memtable(
        {"profile_id": ["a", "z"], "known_at": [EARLIER, EARLIER]},
        schema={"profile_id": "string", "known_at": "timestamp(6)"},
    )
    events = event_table([("e1", "a", "Order Completed", AS_OF - timedelta(days=1))])
    rows = warehouse.arrow(stages(activity(events, as_of=AS_OF, people=people), Lifecycle())).to_pylist()
    assert {r["profile_id"]: r["stage"] for r in rows} == {"a": "first_time", "z": "prospect"}


def test_days_are_whole_days(warehouse: Warehouse) -> None:
    events = event_table(
        [("e1", "a", "Order Completed", AS_OF - timedelta(days=3, hours=23)), ("e2", "a", "Product Viewed", AS_OF)]
    )
    row = warehouse.arrow(activity(events, as_of=AS_OF)).to_pylist()[0]
    assert set(row) == {"profile_id", *METRICS}
    assert (row["recency_days"], row["seen_days"], row["tenure_days"], row["orders"]) == (3, 3, 3, 1)


def test_other_stages_by_configuration(warehouse: Warehouse) -> None:
    lifecycle = Lifecycle(stages=(Stage(key="whale", when=("revenue_minor > 150",)), Stage(key="rest")))
    events = event_table(
        [(f"e{n}", who, "Order Completed", AS_OF - timedelta(days=n + 1)) for n, who in enumerate("aab")]
    )
    rows = warehouse.arrow(stages(activity(events, as_of=AS_OF), lifecycle)).to_pylist()
    assert {r["profile_id"]: r["stage"] for r in rows} == {"a": "whale", "b": "rest"}
    alone = warehouse.arrow(
        stages(activity(events, as_of=AS_OF), Lifecycle(stages=(Stage(key="all"),)))
    ).to_pylist()
    assert {r["stage"] for r in alone} == {"all"}


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ((), "different keys"),
        ((Stage(key="a"), Stage(key="a")), "different keys"),
        ((Stage(key="a"), Stage(key="b")), "would take everybody"),
        ((Stage(key="a", when=("orders >= 1",)),), "must take everybody left"),
        ((Stage(key="a", when=("orders more than 1",)), Stage(key="b")), "cannot read the condition"),
        ((Stage(key="a", when=("age >= 18",)), Stage(key="b")), "cannot read the condition"),
    ],
)
def test_faulty_stages_are_refused(listed: tuple[Stage, ...], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        Lifecycle(stages=listed)
    assert caught.value.where == "lifecycle.stages"


@pytest.mark.parametrize(
    "fault", [{"gap_minutes": 0}, {"funnel": ()}, {"funnel": ("a", "a")}, {"repeat_orders": 1}]
)
def test_faulty_rules_are_refused(fault: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        JourneyRules(**fault)  # type: ignore[arg-type]
