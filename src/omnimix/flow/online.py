"""Online state kept in step with the facts: published, rebuilt, compared, forgotten.

in   a Machine
out  states and aliases in the online store; Disagreements between them and the facts

Nothing may come between facts and states while they are compared or written: the intake's lock and the follower's
are held, everything acknowledged is followed and settled first. Decisions go on meanwhile; what they count
(`shown`) is never taken back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any, TypeVar

import msgspec

from omnimix.activation.decide.grow import merged, standing
from omnimix.activation.decide.state import (
    ALIAS,
    PERSON,
    State,
    alias_key,
    packed,
    person_of,
    state_key,
    unpacked,
)
from omnimix.core.errors import NotFound
from omnimix.core.hashing import digest
from omnimix.data.ingest import LOCK
from omnimix.data.intake import Progress
from omnimix.flow.collect import INBOX, inbox_at, settle_on
from omnimix.flow.follow import apart_key, apart_of, located, lock_of, position_key, position_of
from omnimix.flow.identity import key_named
from omnimix.flow.machine import Machine
from omnimix.flow.standing import standing_states
from omnimix.flow.step import Counts
from omnimix.flow.told import decisions_told, keys_of, names_of, states_told
from omnimix.store.online.port import Change, OnlineStore
from omnimix.store.turns import turn

T = TypeVar("T")
_PEOPLE = 200  # of one turn: decisions wait for it
_LINKS = b"c:links"  # as of which links the aliases are
_LIVE = tuple(n for n in State.__struct_fields__[State.__struct_fields__.index("marks") :] if n != "shown")
Days = Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One field of one person that live state and facts tell differently."""

    person: str  # profile id, or what live state calls somebody the facts do not know
    field: str
    live: str
    facts: str


def is_known(machine: Machine) -> bool:
    """Whether there are states at all: without them the step that publishes them is never as before."""
    online = machine.online()
    try:
        return position_of(online) is not None
    finally:
        online.close()


def publish_people(machine: Machine) -> Counts:
    """The step: states of everybody, with what the run found out."""
    people = rebuild(machine)
    return Counts(people, people, unit_in="profiles", unit_out="profiles")


def rebuild(machine: Machine, progress: Progress = lambda _step: None, *, anew: bool = False) -> int:
    """Write every state as the facts tell it. How many people. Safe to cut short: the next does it again.

    `anew` forgets all states first, `shown` too: only what facts and journal tell remains.
    """
    with _paused(machine, progress) as online:
        if anew:
            for prefix in (PERSON, ALIAS):
                _drop(online, [key for key, _ in online.scan(prefix)])
        progress("read the facts")
        _forget(online, machine.vault.forgotten())
        keys = keys_of(machine)
        names, states, found = names_of(keys), states_told(machine, keys), standing_states(machine)
        decided = decisions_told(machine, online, names)
        progress("write the states")
        for some in _parts(sorted(keys), _PEOPLE):
            whole = {p: standing(states[p], found.get(p, State(p))) for p in some}
            _write(online, whole, {p: keys[p] for p in some}, names, decided)
        for some in _parts(sorted(decided.keys() - keys.keys()), _PEOPLE):
            _write(online, {p: State(p) for p in some}, {p: () for p in some}, names, decided)
        _tidy(online, keys.keys() | decided.keys(), names)
        online.change([], lambda _: Change(position_key(position_of(online) or {}) | {_LINKS: _stamp(machine)}))
        online.flush()
    return len(keys)


@contextmanager
def _paused(machine: Machine, progress: Progress) -> Iterator[OnlineStore]:
    """The online store, while nothing else follows or settles, and facts have all that was followed.

    While there is no position, nothing of the log being written was followed, and it may stay as it is.
    """
    root = machine.warehouse.local.root.parent
    online = machine.online()
    try:
        with turn(root / LOCK), turn(lock_of(machine)):
            if (root / INBOX).exists():
                inbox = inbox_at(root / INBOX, machine.collect)
                try:
                    settle_on(machine, inbox, progress, follows=True, close=position_of(online) is not None)
                finally:
                    inbox.close()
            yield online
    finally:
        online.close()


def _write(
    online: OnlineStore,
    states: Mapping[str, State],
    keys: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    decided: Mapping[str, State],
) -> None:
    """One turn: these people as told, with what was decided to show them under any of their ids."""
    ids = {p: list(dict.fromkeys([p, *map(person_of, mine)])) for p, mine in keys.items()}
    places = [(profile, one) for profile, those in ids.items() for one in those]

    def make(values: list[bytes | None]) -> Change:
        before: dict[str, list[State]] = {profile: [] for profile in states}
        written: dict[bytes, bytes | None] = {}
        for (profile, one), value in zip(places, values, strict=True):
            if value is not None:
                before[profile].append(State(profile, shown=unpacked(value).shown))
            if one != profile:
                written[state_key(one)] = None
        for profile, state in states.items():
            shown = _both(_shown(before[profile]), decided[profile].shown if profile in decided else {})
            written[state_key(profile)] = packed(msgspec.structs.replace(state, shown=shown))
            for name in (*keys[profile], *ids[profile]):
                leads = names.get(name, name)
                written[alias_key(name)] = profile.encode() if leads == profile != name else None
        return Change(written)

    online.change([state_key(one) for _, one in places], make)


def _shown(states: Sequence[State]) -> Days:
    return reduce(merged, states).shown if states else {}


def _both(one: Days, other: Days) -> dict[str, dict[int, int]]:
    """Of each day the larger count: the store may know of more than the facts, and the facts of more than it."""
    return {
        what: {
            day: max(one.get(what, {}).get(day, 0), other.get(what, {}).get(day, 0))
            for day in {*one.get(what, {}), *other.get(what, {})}
        }
        for what in {*one, *other}
    }


def _tidy(online: OnlineStore, known: Iterable[str], names: Mapping[str, str]) -> None:
    """Take away what leads nowhere: aliases of names that are gone, behaviour of people the facts do not know."""
    people = set(known)
    _drop(online, [k for k, _ in online.scan(ALIAS) if k[len(ALIAS) :].decode() not in names])
    strange = [k for k, v in online.scan(PERSON) if k[len(PERSON) :].decode() not in people]
    for some in _parts(strange, _PEOPLE):

        def make(values: list[bytes | None], some: Sequence[bytes] = tuple(some)) -> Change:
            old = [unpacked(v) if v is not None else None for v in values]
            left = [packed(State(s.person, shown=s.shown)) if s is not None and s.shown else None for s in old]
            return Change(dict(zip(some, left, strict=True)))

        online.change(some, make)


def _drop(online: OnlineStore, keys: Sequence[bytes]) -> None:
    for some in _parts(keys, 5 * _PEOPLE):
        nothing: dict[bytes, bytes | None] = dict.fromkeys(some)
        online.change([], _always(Change(nothing)))


def _always(change: Change) -> Callable[[list[bytes | None]], Change]:
    return lambda _values: change


def _stamp(machine: Machine) -> bytes:
    return digest(machine.warehouse.local.stamps("link")).encode()


def adopt_links(machine: Machine) -> int:
    """Call people what the links call them, after links changed. How many names the links tell apart differently.

    People whom live events made one, as the links do, only change their name. Where live state joined more than
    the links do, live events join nobody through those names any more, and the caller must `rebuild`.
    """
    with turn(lock_of(machine)):
        online = machine.online()
        try:
            stamp = _stamp(machine)
            if position_of(online) is None or online.read([_LINKS]) == [stamp]:
                return 0
            keys = keys_of(machine)
            names = names_of(keys)
            wrong = _joined_wrongly(online, {key: profile for profile, mine in keys.items() for key in mine})
            for profile, mine in keys.items():
                if wrong.isdisjoint(mine) and (len(mine) > 1 or person_of(mine[0]) != profile):
                    _adopt(online, profile, mine, names)
            online.change([], _always(Change({_LINKS: stamp} | apart_key(wrong | apart_of(online)))))
            return len(wrong)
        finally:
            online.close()


def _joined_wrongly(online: OnlineStore, owner: Mapping[str, str]) -> set[str]:
    """The marks of everybody in live state who is more than one by the links (`owner`: key → profile)."""
    found: set[str] = set()
    for person in sorted({value.decode() for _, value in online.scan(ALIAS)}):
        (value,) = online.read([state_key(person)])
        marks = [mark for mark in unpacked(value, person).marks if ":" in mark]
        if len({owner[mark] for mark in marks if mark in owner}) > 1:
            found.update(marks)
    return found


def _adopt(online: OnlineStore, profile: str, keys: Sequence[str], names: Mapping[str, str]) -> None:
    """Make one profile of the people its keys lead to."""
    people = sorted(set(located(online, keys).values()) | {profile})

    def make(values: list[bytes | None]) -> Change:
        there = [unpacked(v) for v in values if v is not None]
        if not there:
            return Change()
        whole = reduce(merged, there)
        marks = tuple(sorted({*whole.marks, *(set(people) - {profile})} - {profile}))
        written: dict[bytes, bytes | None] = {state_key(p): None for p in people}
        written[state_key(profile)] = packed(msgspec.structs.replace(whole, person=profile, marks=marks))
        leads = [n for n in {*keys, *map(person_of, keys), *marks} - {profile} if names.get(n, profile) == profile]
        return Change(written | {alias_key(name): profile.encode() for name in leads})

    if people != [profile]:
        online.change([state_key(p) for p in people], make)


def disagreements(machine: Machine, progress: Progress = lambda _step: None) -> list[Disagreement]:
    """Everything in which live state and facts differ, in the order of people."""
    with _paused(machine, progress) as online:
        progress("read the facts")
        keys = keys_of(machine)
        states = states_told(machine, keys)
        found: list[Disagreement] = []
        decided = decisions_told(machine, online, names_of(keys))
        progress("compare the states")
        known: set[str] = set()  # people of live state that the facts know
        for some in _parts(sorted(keys), _PEOPLE):
            leads = located(online, [key for p in some for key in keys[p]])
            known.update(leads.values())
            whose = {p: sorted({leads[key] for key in keys[p]}) for p in some}
            found += _compared(online, whose, states, decided)
        for key, value in online.scan(PERSON):
            name = key[len(PERSON) :].decode()
            if name not in known and unpacked(value).last_us:
                found.append(Disagreement(name, "person", "known", "nobody"))
    return found


def _compared(
    online: OnlineStore,
    whose: Mapping[str, Sequence[str]],
    states: Mapping[str, State],
    decided: Mapping[str, State],
) -> Iterator[Disagreement]:
    """`whose`: profile → the people of live state that its keys lead to."""
    people = list(whose)
    values = dict(zip(people, online.read([state_key(whose[p][0]) for p in people]), strict=True))
    for profile in people:
        if len(whose[profile]) > 1:
            yield Disagreement(profile, "person", f"{len(whose[profile])} people", "one")
            continue
        live, told = unpacked(values[profile], profile), states[profile]
        for name in _LIVE:
            one, other = _plain(live, name), _plain(told, name)
            if one != other:
                yield Disagreement(profile, name, _short(one), _short(other))
        wanted = decided[profile].shown if profile in decided else {}
        if _both(live.shown, wanted) != _both(live.shown, {}):
            yield Disagreement(profile, "shown", _short(live.shown), _short(wanted))


def _plain(state: State, name: str) -> Any:
    """A live field; of names only the pseudonyms, since ids of people who became one are found only live."""
    value = getattr(state, name)
    return tuple(mark for mark in value if ":" in mark) if name == "marks" else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 160 else f"{text[:157]}…"


def state_of(machine: Machine, name: str) -> State:
    """The state of a person named by profile id, key or the beginning of a key. Raises NotFound."""
    online = machine.online()
    try:
        person = located(online, [name])[name]
        (value,) = online.read([state_key(person)])
        if value is None:
            key = key_named(machine, name)
            person = located(online, [key])[key]
            (value,) = online.read([state_key(person)])
        if value is None:
            raise NotFound(f"there is no online state of {name!r}", fix="omnimix online rebuild")
        return unpacked(value)
    finally:
        online.close()


def forget_people(machine: Machine) -> int:
    """Remove the states of everybody whose keys the vault has forgotten. How many there were."""
    gone = machine.vault.forgotten()
    if not gone:
        return 0
    with turn(lock_of(machine)):
        online = machine.online()
        try:
            return _forget(online, gone)
        finally:
            online.close()


def _forget(online: OnlineStore, gone: Iterable[str]) -> int:
    people = sorted(set(located(online, gone).values()))
    there = {p for p, v in zip(people, online.read([state_key(p) for p in people]), strict=True) if v is not None}
    aliases = [k for k, v in online.scan(ALIAS) if v.decode() in there] if there else []
    _drop(online, [*map(state_key, sorted(there)), *aliases])
    return len(there)


def _parts(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    walk = iter(rows)
    while some := list(islice(walk, size)):
        yield some
