"""Small random journeys, and the slow plain-Python truth that the table functions are compared with.

in   drawn events
out  Ibis tables, and dictionaries of what must come out
"""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import ibis
import pyarrow as pa
from hypothesis import strategies as st
from ibis.expr.types import Table

from omnimix.audience.journey.journey import EXIT, OPEN, START
from omnimix.store.facts import EVENT

AS_OF = datetime(2026, 3, 1)
WITH_PROFILE = ibis.schema(dict(EVENT.items()) | {"profile_id": "string"})
NAMES = ("Product Viewed", "Product Added", "Order Completed", "Order Refunded")

Event = tuple[str, str | None, str, datetime]  # id, profile, name, instant

minutes = st.one_of(st.integers(0, 200), st.sampled_from([30, 31, 1440 * 7, 1440 * 7 + 1, 1440 * 40]))


@st.composite
def event_lists(draw: st.DrawFn, *, known: bool = False) -> list[Event]:
    """Up to twelve events of up to three profiles, some at the same instant, some of nobody known."""
    people = st.sampled_from(["a", "b", "c"] if known else ["a", "b", "c", None])
    drawn = draw(st.lists(st.tuples(people, st.sampled_from(NAMES), minutes), max_size=12))
    at = datetime(2026, 1, 1)
    events = []
    for place, (profile, name, wait) in enumerate(drawn):
        at += timedelta(minutes=wait)
        events.append((f"e{place:02}", profile, name, min(at, AS_OF - timedelta(seconds=1))))
    return draw(st.permutations(events))


def event_table(events: list[Event], **columns: list[str | None]) -> Table:
    """Events as the fact with `profile_id`; `columns` are given in the order of the events."""
    wanted = WITH_PROFILE.to_pyarrow()
    nothing: list[object] = [None] * len(events)
    given: dict[str, list[object]] = {
        "event_id": [e[0] for e in events],
        "source": ["test"] * len(events),
        "name": [e[2] for e in events],
        "occurred_at": [e[3] for e in events],
        "profile_id": [e[1] for e in events],
        "revenue_minor": [100 if e[2] == "Order Completed" else None for e in events],
        **columns,
    }
    arrays = [pa.array(given.get(f.name, nothing), type=f.type) for f in wanted]
    return ibis.memtable(pa.Table.from_arrays(arrays, schema=wanted), schema=WITH_PROFILE)


def timelines(events: list[Event]) -> dict[str, list[Event]]:
    """Each profile's events in order of time and id."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda e: (e[3], e[0])):
        if event[1] is not None:
            found[event[1]].append(event)
    return dict(found)


def paths(events: list[Event], within: timedelta) -> dict[str, list[list[Event]]]:
    """Each profile's events, cut where the wait is longer than `within`."""
    found: dict[str, list[list[Event]]] = {}
    for profile, line in timelines(events).items():
        cut = [[line[0]]]
        for before, after in pairwise(line):
            if after[3] - before[3] > within:
                cut.append([])
            cut[-1].append(after)
        found[profile] = cut
    return found


def slow_moves(
    events: list[Event], within: timedelta
) -> tuple[Counter[tuple[str, str]], dict[tuple[str, str], set[str]]]:
    """Moves and the profiles that made them, counted one path after the other."""
    count: Counter[tuple[str, str]] = Counter()
    who: dict[tuple[str, str], set[str]] = defaultdict(set)
    for profile, cut in paths(events, within).items():
        for place, path in enumerate(cut):
            open_still = place == len(cut) - 1 and path[-1][3] + within >= AS_OF
            steps = [START, *(e[2] for e in path), OPEN if open_still else EXIT]
            for move in pairwise(steps):
                count[move] += 1
                who[move].add(profile)
    return count, dict(who)


def slow_reach(path: list[Event], names: tuple[str, ...]) -> int:
    """How many of the funnel's names the path holds in their order."""
    reached = 0
    for event in path:
        if reached < len(names) and event[2] == names[reached]:
            reached += 1
    return reached
