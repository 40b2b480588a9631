"""A small shop's visits with nothing wrong, or with one incident planted: for the tests of pain.

in   a seed, what is planted
out  Arrow tables of the event fact with `profile_id`
"""

from datetime import datetime, timedelta

import ibis
import numpy as np
import pyarrow as pa

from omnimix.store.facts import EVENT

FIRST = datetime(2026, 1, 5)  # a Monday
DAYS = 120
AS_OF = FIRST + timedelta(days=DAYS)
WITH_PROFILE = ibis.schema(dict(EVENT.items()) | {"profile_id": "string"})


def shop_events(
    seed: int, *, visits: int = 2400, incident: tuple[int, int] | None = None, share: float = 0.7
) -> pa.Table:
    """Visits of 500 people over DAYS days, more and more of them, fewer and less eager on weekends.

    With `incident` (first and last day, 0-based), that `share` of mobile checkouts fails then and buys nothing.
    """
    rng = np.random.default_rng(seed)
    weight = (1 + np.arange(DAYS) / DAYS) * np.where(np.arange(DAYS) % 7 >= 5, 0.5, 1.0)
    day = rng.choice(DAYS, size=visits, p=weight / weight.sum())
    person = rng.integers(0, 500, visits)
    names: list[str] = []
    at: list[datetime] = []
    who: list[str] = []
    device: list[str] = []
    for i in range(visits):
        mobile = rng.random() < 0.4
        weekend = day[i] % 7 >= 5
        steps = ["Product Viewed"] * int(rng.integers(1, 4))
        if rng.random() < (0.4 if weekend else 0.55):
            steps.append("Product Added")
            if rng.random() < 0.7:
                steps.append("Checkout Started")
                broken = incident is not None and incident[0] <= day[i] <= incident[1] and mobile
                if broken and rng.random() < share:
                    steps.append("Payment Failed")
                elif rng.random() < 0.7:
                    steps.append("Order Completed")
        if rng.random() < 0.03:
            steps.append("Support Chat Opened")
        moment = FIRST + timedelta(days=int(day[i]), minutes=int(rng.integers(0, 1200)))
        for place, step in enumerate(steps):
            names.append(step)
            at.append(moment + timedelta(seconds=40 * place + int(rng.integers(0, 30))))
            who.append(f"p{person[i]:03}")
            device.append("mobile" if mobile else "desktop")
    return fact_of(names, at, who, device=device)


def fact_of(
    names: list[str],
    at: list[datetime],
    who: list[str | None] | list[str],
    **columns: list[str | None] | list[str],
) -> pa.Table:
    """The event fact of these events."""
    given: dict[str, object] = {
        "event_id": [f"e{i:05}" for i in range(len(names))],
        "source": ["test"] * len(names),
        "name": names,
        "occurred_at": at,
        "profile_id": who,
        **columns,
    }
    wanted = WITH_PROFILE.to_pyarrow()
    nothing = [None] * len(names)
    return pa.table([pa.array(given.get(f.name, nothing), f.type) for f in wanted], schema=wanted)
