"""The follower: what was acknowledged reaches online state within moments, every event exactly once.

in   the inbox's frames after the follower's position, online state
out  states updated and the position moved, in the same turns of the online store

The position (key AT) says of each log how far it was followed: bytes, and events beyond them. It moves in the very
turn that writes the states, so that a SIGKILL at any moment neither loses nor doubles an event. Followers take
turns (a lock file); settling follows a log to its end before it removes it. Without a position nothing is
followed: then the states are to be rebuilt from the facts first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from omnimix.activation.decide.grow import merged, updated
from omnimix.activation.decide.heard import heard, person_told
from omnimix.activation.decide.state import Event, State, alias_key, packed, person_of, state_key, unpacked
from omnimix.core.money import exponent
from omnimix.data.live.seen import Seen, seen
from omnimix.data.source.mapping import Shape, shape
from omnimix.flow.machine import Machine
from omnimix.flow.sources import INBOX, readers
from omnimix.governance.pseudonym import KeyKind, Pseudonyms
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Inbox, frames_from
from omnimix.store.online.port import Change, OnlineStore
from omnimix.store.turns import turn

AT, LOCK = b"at", "follow.lock"
_APART, _MOST_APART = b"c:apart", 10_000  # marks through which live events join nobody: links kept them apart
_READ, _TURN = 512, 24  # events read together; events of one turn: decisions wait for it
Position = dict[str, tuple[int, int]]  # log → bytes followed, events after them
_UNPACK = msgspec.msgpack.Decoder(Position)
_MARKS = msgspec.msgpack.Decoder(list[str])


@dataclass(frozen=True, slots=True)
class Follower:
    """What following needs in hand."""

    online: OnlineStore
    inbox: Inbox
    seal: Seal
    form: Callable[[str], Shape]
    pseudonyms: Pseudonyms
    assumed: frozenset[str]  # purposes granted where nothing was said
    most_users: int  # of one person; more are a shared device
    decimals: int  # of the currency
    forgotten: Callable[[], frozenset[str]]
    lock: Path


def follower_of(machine: Machine, online: OnlineStore, inbox: Inbox) -> Follower:
    """The follower of a workspace."""
    sources = readers(machine)
    return Follower(
        online=online,
        inbox=inbox,
        seal=Seal(machine.key, INBOX),
        form=lru_cache(maxsize=None)(lambda name: shape(name, sources.get(name, machine.live))),
        pseudonyms=Pseudonyms(machine.key),
        assumed=frozenset(machine.consent_assumed),
        most_users=machine.identity.most_per_key,
        decimals=exponent(machine.currency),
        forgotten=machine.vault.forgotten,
        lock=lock_of(machine),
    )


def lock_of(machine: Machine) -> Path:
    """The lock that whoever follows or rebuilds holds."""
    return machine.warehouse.local.root.parent / LOCK


def is_online(machine: Machine) -> bool:
    """Whether the workspace has online state: a server of its own, or a folder that somebody made."""
    return bool(machine.online_url) or machine.online_folder.exists()


def position_of(online: OnlineStore) -> Position | None:
    """How far each log was followed; None: the states must be rebuilt first."""
    (value,) = online.read([AT])
    return None if value is None else _UNPACK.decode(value)


def position_key(position: Position) -> dict[bytes, bytes | None]:
    """The position as what a turn writes."""
    return {AT: msgspec.msgpack.encode(position)}


def apart_of(online: OnlineStore) -> frozenset[str]:
    """Marks that live state once joined more than the links do: shared devices, and who used them."""
    (value,) = online.read([_APART])
    return frozenset(() if value is None else _MARKS.decode(value))


def apart_key(marks: Iterable[str]) -> dict[bytes, bytes | None]:
    """Such marks as what a turn writes."""
    return {_APART: msgspec.msgpack.encode(sorted(marks)[:_MOST_APART])}


def follow(follower: Follower, only: Sequence[Path] | None = None, *, now: datetime) -> int:
    """Follow everything that is there now, or in these logs. How many events that was.

    Raises Unavailable, Tampered.
    """
    with turn(follower.lock):
        return follow_on(follower, only, now=now)


def follow_on(follower: Follower, only: Sequence[Path] | None = None, *, now: datetime) -> int:
    """`follow` for whoever holds the follower's lock."""
    position = position_of(follower.online)
    if position is None:
        return 0
    logs = follower.inbox.logs()
    there = {log.name for log, _ in logs}
    position = {name: at for name, at in position.items() if name in there}
    if all(position.get(log.name, (0, 0))[0] >= end for log, end in logs):
        return 0
    gone, apart, done = follower.forgotten(), apart_of(follower.online), 0
    for log, end in logs if only is None else [pair for pair in logs if pair[0] in only]:
        start, skip = position.get(log.name, (0, 0))
        while start < end:
            stored, stop = frames_from(log, start, end, events=_READ)
            if stop == start:
                break  # the rest of a spoilt log: settling leaves it out as well
            found = seen(stored, seal=follower.seal, form=follower.form, pseudonyms=follower.pseudonyms, now=now)
            for first in range(skip, len(found), _TURN):
                last = min(first + _TURN, len(found))
                position[log.name] = (stop, 0) if last == len(found) else (start, last)
                _take(follower, found[first:last], position, gone, apart)
                done += last - first
            start, skip = stop, 0
            position[log.name] = (stop, 0)
    return done


def _take(
    follower: Follower,
    some: Sequence[Seen | None],
    position: Position,
    gone: frozenset[str],
    apart: frozenset[str],
) -> None:
    """One turn: these events, and the position after them."""
    known = [(_names(one), one) for one in some if one is not None]
    told = [
        (names, heard(one.event_id, one.event, one.consents, decimals=follower.decimals))
        for names, one in known
        if names and not gone.intersection(names)
    ]
    people = located(follower.online, {name for names, _ in told for name in names})
    persons = sorted(set(people.values()))

    def make(values: list[bytes | None]) -> Change:
        states = {p: unpacked(v, p) for p, v in zip(persons, values, strict=True)}
        crowd = Crowd(states, dict(people), follower.assumed, follower.most_users)
        for names, event in told:
            crowd.add(names[:1] if apart.intersection(names) else names, event)
        return Change(crowd.written() | position_key(position))

    follower.online.change([state_key(p) for p in persons], make)


def _names(one: Seen) -> tuple[str, ...]:
    """Whom an event names: its keys, or the person that a token of feedback names."""
    return one.keys or tuple(filter(None, (person_told(one.event),)))


def located(online: OnlineStore, names: Iterable[str]) -> dict[str, str]:
    """Name (mark or former person id) → person."""
    wanted = sorted(set(names))
    found = online.read([alias_key(name) for name in wanted])
    return {
        name: value.decode() if value is not None else (person_of(name) if ":" in name else name)
        for name, value in zip(wanted, found, strict=True)
    }


class Crowd:
    """People of one turn, as its events make them one and change them."""

    def __init__(
        self, states: dict[str, State], people: dict[str, str], assumed: frozenset[str], most_users: int
    ) -> None:
        self._states, self._people = states, people  # person → State; name → person
        self._assumed, self._most_users = assumed, most_users
        self._changed: set[str] = set()
        self._moved: dict[str, str] = {}  # name → person, to be written
        self._gone: set[str] = set()

    def add(self, names: tuple[str, ...], event: Event) -> None:
        """Take in one event: make one person of those it names, then let it count."""
        person = self._people[names[0]]
        for name in names[1:]:
            person = self._join(person, self._people[name])
        state = self._states[person]
        new = {n for n in names if ":" in n and self._people[n] == person}.difference(state.marks)
        if new:
            state = msgspec.structs.replace(state, marks=tuple(sorted({*state.marks, *new})))
            self._moved |= {name: person for name in new if person_of(name) != person}
        self._states[person] = updated(state, event, assumed=self._assumed)
        self._changed.add(person)

    def _join(self, person: str, other: str) -> str:
        """Make two people one, unless that would be a crowd on a shared device. Who the first is now."""
        if person == other:
            return person
        both = merged(self._states[person], self._states[other], assumed=self._assumed)
        if sum(mark.startswith(KeyKind.USER) for mark in both.marks) > self._most_users:
            return person
        left = person if both.person == other else other
        for name in [n for n, p in self._people.items() if p == left]:
            self._people[name] = both.person
        self._moved |= {name: both.person for name in (*self._states[left].marks, left)}
        self._states[both.person] = both
        del self._states[left]
        self._gone.add(left)
        self._changed.add(both.person)
        self._changed.discard(left)
        return both.person

    def written(self) -> dict[bytes, bytes | None]:
        """What the turn writes."""
        found: dict[bytes, bytes | None] = {state_key(p): None for p in self._gone}
        found |= {state_key(p): packed(self._states[p]) for p in self._changed}
        return found | {
            alias_key(name): self._people.get(name, p).encode() for name, p in self._moved.items() if name != p
        }
