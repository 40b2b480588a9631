"""Live states as the facts tell them: the same reading as the follower's, from the beginning.

in   facts: events, consent, links, order lines, decisions; the journal
out  for each profile a State without standing fields; what was decided to show; names that lead to profiles
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.activation.decide.decision import unpacked as decision_of
from omnimix.activation.decide.feedback import FEEDBACK
from omnimix.activation.decide.grow import decided, updated
from omnimix.activation.decide.heard import Row, consent_of, heard, person_told
from omnimix.activation.decide.state import Event, State, person_of
from omnimix.core.money import exponent
from omnimix.data.identity.resolve import resolve
from omnimix.data.live.seen import COLUMNS
from omnimix.flow.machine import Machine
from omnimix.flow.people import fact
from omnimix.store.online.port import OnlineStore

_CONSENT = ("purpose", "source", "granted", "decided_at", "repeated")
_ENTRIES = 10_000
_INSTANTS = ("occurred_at", "decided_at")


def keys_of(machine: Machine) -> dict[str, tuple[str, ...]]:
    """Profile → its keys, sorted, without profiles that were forgotten."""
    links = machine.warehouse.arrow(
        fact(machine, "link").select("profile_id", "key").order_by("profile_id", "key")
    )
    found: dict[str, list[str]] = defaultdict(list)
    for profile, key in zip(links["profile_id"].to_pylist(), links["key"].to_pylist(), strict=True):
        found[profile].append(key)
    gone = machine.vault.forgotten()
    return {profile: tuple(keys) for profile, keys in found.items() if gone.isdisjoint(keys)}


def names_of(keys: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Every name that leads to another than itself → profile: keys, and ids that live state may have given."""
    found = {}
    for profile, mine in keys.items():
        for key in mine:
            own = person_of(key)
            if own != profile:
                found[key] = found[own] = profile
    return found


def states_told(machine: Machine, keys: Mapping[str, tuple[str, ...]]) -> dict[str, State]:
    """Profile → its live state, of everybody in `keys`."""
    decimals, assumed = exponent(machine.currency), frozenset(machine.consent_assumed)
    states = {profile: State(profile, marks=_marks(profile, mine)) for profile, mine in keys.items()}
    feedback = _feedback(machine, keys)
    consents = dict(_grouped(machine, _consents(machine)))
    for profile, rows in chain(_grouped(machine, _events(machine)), _nothing(*consents, *feedback)):
        if profile in states:
            mine = [*rows, *feedback.pop(profile, [])]
            states[profile] = _grown(states[profile], mine, consents.pop(profile, []), decimals, assumed)
    return states


def _nothing(*profiles: str) -> Iterator[tuple[str, list[Row]]]:
    """Profiles of which there are no events of their own."""
    yield from ((profile, []) for profile in profiles)


def _marks(profile: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*keys, *map(person_of, keys)} - {profile}))


def _grown(state: State, rows: list[Row], consents: list[Row], decimals: int, assumed: frozenset[str]) -> State:
    """All events of a person in the order of time; at the same instant consent first."""
    told = [(row["decided_at"], 0, row["consent_id"], row) for row in consents]
    told += [(row["occurred_at"], 1, row["event_id"], row) for row in rows]
    for at, kind, name, row in sorted(told, key=itemgetter(0, 1, 2)):
        if kind:
            event = heard(name, row, decimals=decimals)
        else:
            event = Event(name, "", at, consents=(consent_of(row),), behaviour=False)
        state = updated(state, event, assumed=assumed)
    return state


def _events(machine: Machine) -> Table:
    rows = resolve(fact(machine, "event"), fact(machine, "link"))
    return rows.filter(rows["profile_id"].notnull(), rows["robot"].isnull()).select(
        "profile_id", "event_id", *COLUMNS
    )


def _consents(machine: Machine) -> Table:
    rows = resolve(fact(machine, "consent"), fact(machine, "link"))
    return rows.filter(rows["profile_id"].notnull()).select("profile_id", "consent_id", *_CONSENT)


def _feedback(machine: Machine, keys: Mapping[str, tuple[str, ...]]) -> dict[str, list[Row]]:
    """Profile → feedback that tokens brought."""
    events = fact(machine, "event")
    mine = events.filter(events["source"] == FEEDBACK, events["person_key"].isnull(), events["robot"].isnull())
    lead = names_of(keys)
    found: dict[str, list[Row]] = defaultdict(list)
    for row in _plain(machine.warehouse.arrow(mine.select("event_id", *COLUMNS))):
        person = person_told(row)
        found[lead.get(person, person)].append(row)
    return found


def _grouped(machine: Machine, rows: Table) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each profile."""
    table = machine.warehouse.arrow(rows.order_by("profile_id"))
    for profile, mine in groupby(_plain(table), key=itemgetter("profile_id")):
        yield profile, list(mine)


def _plain(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Rows with instants as µs, a part at a time."""
    for name in _INSTANTS:
        if name in table.column_names:
            at = table[name].cast(pa.timestamp("us")).cast(pa.int64())
            table = table.set_column(table.column_names.index(name), name, at)
    for batch in table.to_batches(max_chunksize=20_000):
        yield from batch.to_pylist()


def decisions_told(machine: Machine, online: OnlineStore, names: Mapping[str, str]) -> dict[str, State]:
    """Person → a state with nothing but what was decided to show: from the facts and the journal."""
    rows = machine.warehouse.table("decision")
    rows = rows.filter(rows["person"].notnull(), rows["variant_id"].notnull())
    dated = rows.mutate(decided_at=rows["decided_at"].truncate("D"))
    counted = dated.group_by("person", "campaign", "channel", "decided_at").aggregate(times=_.count())
    found: dict[str, State] = {}

    def add(person: str, campaign: str, channel: str, at_us: int, times: int) -> None:
        person = names.get(person, person)
        state = found.get(person) or State(person)
        found[person] = decided(state, campaign=campaign, channel=channel, at_us=at_us, times=times)

    for row in _plain(machine.warehouse.arrow(counted)):
        add(row["person"], row["campaign"], row["channel"], row["decided_at"], row["times"])
    after = 0
    while entries := online.entries(after, _ENTRIES):
        after = entries[-1][0]
        for _number, entry in entries:
            one = decision_of(entry)
            if one.person and one.variant:
                add(one.person, one.campaign, one.channel, one.at_us, 1)
    return found
