from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from journeys import Event, event_table

from omnimix.audience.journey import catalyst, opportunity
from omnimix.audience.journey.insight import Catalysts
from omnimix.audience.journey.rules import Lifecycle
from omnimix.audience.journey.steps import event_steps
from omnimix.audience.journey.transitions import moves, profile_moves
from omnimix.store.warehouse import Warehouse

AS_OF = datetime(2026, 1, 1)
PERIODS, PERIOD = 8, 28


def market(seed: int, people: int = 400) -> list[Event]:
    """Everybody looks in every period. `Guide Read` makes a purchase in the next likelier; `Note Read` does not;
    `Club Joined` is what people do who buy more often anyway.
    """
    dice, events = np.random.default_rng(seed), []
    for n in range(people):
        keen, lift = dice.random() < 0.3, 0.0
        for period in range(PERIODS):
            at = AS_OF - timedelta(days=PERIOD * (PERIODS - period)) + timedelta(days=1)
            names = ["Product Viewed"] * int(dice.integers(2, 4))
            if dice.random() < (0.4 if keen else 0.1) + lift:
                names.append("Order Completed")
            guide = dice.random() < 0.3
            lift = 0.25 if guide else 0.0
            names += ["Guide Read"] * guide + ["Note Read"] * (dice.random() < 0.3)
            names += ["Club Joined"] * (keen and dice.random() < 0.5)
            for i, name in enumerate(names):
                events.append((f"e{n}-{period}-{i}", f"p{n:04}", name, at + timedelta(hours=i)))
    return events


def found(warehouse: Warehouse, events: list[Event]) -> tuple[Catalysts, pa.Table]:
    table = event_table(events)
    by_profile = profile_moves(moves(event_steps(table), within_days=180, as_of=AS_OF))
    blocks = warehouse.materialise(opportunity.people(by_profile))
    made = warehouse.materialise(catalyst.event_periods(table, as_of=AS_OF, period_days=PERIOD))
    rows = warehouse.materialise(catalyst.panel(made, blocks, Lifecycle(), as_of=AS_OF, period_days=PERIOD))
    did = warehouse.arrow(catalyst.doers(made))
    counted = warehouse.arrow(catalyst.strata(rows, made, catalyst.candidates(did)))
    first = min(e[3] for e in events) if events else None
    return (
        catalyst.fit_catalysts(counted, did, as_of=AS_OF, first_at=first, period_days=PERIOD),
        warehouse.arrow(rows),
    )


def test_the_planted_cause_is_claimed_and_the_keen_are_not(warehouse: Warehouse) -> None:
    catalysts, _ = found(warehouse, market(5))
    verdicts = {c.event: c for c in catalysts.items}
    guide = verdicts["Guide Read"]
    assert guide.verdict == "claimed"
    assert guide.low < 0.25 < guide.high
    assert verdicts["Note Read"].verdict == "not sure"
    assert verdicts["Club Joined"].verdict == "suppressed"  # they bought more often before it, too
    assert "Order Completed" not in verdicts
    assert [c.event for c in catalysts.claimed] == ["Guide Read"]


def test_the_panel_says_what_came_before_and_after(warehouse: Warehouse) -> None:
    day = timedelta(days=1)
    events: list[Event] = [
        ("e1", "a", "Order Completed", AS_OF - (3 * PERIOD - 1) * day),  # period −2
        ("e2", "a", "Product Viewed", AS_OF - (2 * PERIOD - 1) * day),  # period −1
        ("e3", "a", "Order Completed", AS_OF - 1 * day),  # period 0
        ("e4", "b", "Product Viewed", AS_OF - (2 * PERIOD) * day),  # the first instant of period −1
        ("e5", "b", "Order Completed", AS_OF),  # not before the day: not used
    ]
    _, rows = found(warehouse, events)
    told = {(r["profile_id"], r["period"]): (r["before"], r["after"]) for r in rows.to_pylist()}
    assert told == {("a", -2): (0, 0), ("a", -1): (1, 1), ("b", -1): (0, 0)}


def test_everybody_is_in_one_stratum_and_order_does_not_matter(warehouse: Warehouse) -> None:
    events = market(7, people=60)
    once, rows = found(warehouse, events)
    again, _ = found(warehouse, events[::-1])
    assert once == again
    assert rows.num_rows == len({(r["profile_id"], r["period"]) for r in rows.to_pylist()})
    for c in once.items:
        assert c.treated + c.unmatched > 0
        assert c.low <= c.difference <= c.high


@pytest.mark.parametrize("events", [[], [("e1", "a", "Product Viewed", AS_OF - timedelta(days=40))]])
def test_too_little_claims_nothing(warehouse: Warehouse, events: list[Event]) -> None:
    assert found(warehouse, events)[0].claimed == ()
