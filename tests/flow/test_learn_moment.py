"""The moment model from a workspace's live decisions: learnt, judged, published; a stream as from scratch."""

from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from tests.conftest import NOW
from tests.flow.conftest import Ran

from omnimix.activation.decide.feature import compiled
from omnimix.activation.decide.moment import from_bytes
from omnimix.activation.decide.release import Running
from omnimix.activation.decide.serving import bits
from omnimix.activation.decide.state import State
from omnimix.core.clock import micros
from omnimix.core.errors import NotFound
from omnimix.data.daily import Daily
from omnimix.flow.learn import FOLDER, learn_moment, learn_released, policy_of
from omnimix.flow.lessons import shares_by_day
from omnimix.flow.machine import Machine
from omnimix.flow.release import current_release, publish
from omnimix.store.facts import DECISION, EVENT

START = NOW - timedelta(days=40)


def rows(schema: ibis.Schema, made: list[dict[str, Any]]) -> pa.Table:
    blank = {"string": "", "int64": 0, "float64": 0.0, "boolean": False, "binary": b""}

    def value(kind: Any) -> Any:
        return None if kind.nullable else blank.get(str(kind.copy(nullable=True)), NOW)

    full = [{n: row.get(n, value(k)) for n, k in schema.items()} for row in made]
    return pa.Table.from_pylist(full, schema.to_pyarrow())


def live(machine: Machine, release_id: str, running: Running, days: range, *, seed: int) -> None:
    """Eighty decisions a day; the first variant sells to mobiles, the last to desktops, three in four times."""
    rng = np.random.default_rng([seed, days.start])
    assert running.features is not None
    vector = compiled(running.features, timezone=machine.timezone).vector
    count = len(running.offers)
    decisions, events = [], []
    for number in range(80 * len(days)):
        at = START + timedelta(days=days.start + number // 80, minutes=int(rng.integers(0, 1440)))
        device, place = ("mobile", "desktop")[int(rng.integers(2))], int(rng.integers(count))
        known = f"{seed}_{days.start}_{number}"
        x = vector(State(f"pf_{known}"), {"device": device}, micros(at))
        decision = {
            "decision_id": f"dec_{known}",
            "decided_at": at,
            "person": f"pf_{known}",
            "campaign": running.campaign,
            "release_id": release_id,
            "rung": "moment",
            "variant_id": running.offers[place].variant,
            "probability": 1 / count,
            "chosen": place,
            "eligible": bits((1 << count) - 1),
            "features": x.tobytes(),
        }
        decisions.append(decision)
        if rng.random() < (0.75 if place == (0 if device == "mobile" else count - 1) else 0.05):
            bought = at + timedelta(minutes=int(rng.integers(1, 600)))
            properties = f'{{"decision_id":"dec_{known}"}}'
            order = {"event_id": f"e_{known}", "source": "web", "name": "Order Completed", "occurred_at": bought}
            more = {"order_id": f"o_{known}", "revenue_minor": 4000, "currency": "GBP", "properties": properties}
            events.append(order | more)
    daily = Daily(machine.warehouse.local, "live")
    daily.add("decision", rows(DECISION, decisions), key="decision_id")
    daily.add("event", rows(EVENT, events), key="event_id")


def test_learnt_judged_published_and_the_same_from_scratch(ran: Ran) -> None:
    machine, job = ran.machine, ran.job
    key = job.campaign.key
    with pytest.raises(NotFound, match="nothing was decided yet"):
        learn_moment(machine, job)
    release = publish(machine, [job])
    running = release.campaigns[0]
    assert learn_released(machine, [job]) == []  # nothing was decided yet
    live(machine, release.release_id, running, range(10), seed=1)
    first = learn_moment(machine, job)
    assert first.verdict.passed, first.verdict.refused
    assert first.decisions == 800
    assert first.running == ""
    found = first.verdict.evaluation
    assert found is not None
    assert found.better
    now = current_release(machine)
    assert now is not None
    assert (first.release, now.campaigns[0].moment != b"") == (now.release_id, True)
    moment = from_bytes(now.campaigns[0].moment)
    assert moment.version == first.version
    mobile = [moment.features.index(f"device={d}") for d in ("mobile", "desktop")]
    lead = moment.mean[:, mobile[0]] - moment.mean[:, mobile[1]]
    assert lead.argmax() == 0
    assert lead.argmin() == len(running.offers) - 1
    # A micro-batch later: only open days are summed anew, and the model is that of a fresh start.
    live(machine, now.release_id, now.campaigns[0], range(37, 40), seed=1)
    stream = learn_moment(machine, job, promote=False)
    kept = (machine.warehouse.local.root.parent / FOLDER / f"{key}.sums").read_bytes()
    fresh = learn_moment(machine, job, promote=False, fresh=True)
    assert stream.version == fresh.version != first.version
    assert (machine.warehouse.local.root.parent / FOLDER / f"{key}.sums").read_bytes() == kept
    assert stream.release == ""
    assert policy_of(machine, key) == fresh


def test_a_model_without_overlap_is_refused(ran: Ran) -> None:
    machine, job = ran.machine, ran.job
    release = publish(machine, [job])
    live(machine, release.release_id, release.campaigns[0], range(1), seed=2)
    refused = learn_moment(machine, job)
    assert not refused.verdict.passed
    assert refused.release == ""
    now = current_release(machine)
    assert now is not None
    assert now.release_id == release.release_id


def test_shares_by_hour_become_shares_by_day() -> None:
    by_hour = np.arange(1, 337) / 336
    days = shares_by_day(
        by_hour, now_us=(20_000 * 24 + 5) * 3_600_000_000
    )  # five hours into today, the sixth runs
    assert days[0] == pytest.approx(by_hour[:6].mean())
    assert days[1] == pytest.approx(by_hour[6:30].mean())
    assert (np.diff(days) > 0).all()
