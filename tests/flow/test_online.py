"""Live state and facts tell the same of everybody, however events came and whatever was cut short."""

import contextlib
import json
import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omnimix.activation.decide.feedback import FEEDBACK
from omnimix.activation.decide.grow import decided
from omnimix.activation.decide.state import State, packed, person_of, state_key, unpacked
from omnimix.app import machine_of, settings_of
from omnimix.core.clock import micros
from omnimix.core.errors import NotFound, Unavailable
from omnimix.data.live.call import Envelope, Sender, read_call
from omnimix.data.live.call import packed as sealed_of
from omnimix.flow.collect import INBOX, inbox_at, settle_waiting
from omnimix.flow.follow import Follower, follow, follower_of, located, position_key, position_of
from omnimix.flow.machine import Machine
from omnimix.flow.online import (
    adopt_links,
    disagreements,
    forget_people,
    rebuild,
    state_of,
)
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Entry, Inbox
from omnimix.store.online import OnlineStore
from omnimix.store.online.port import Change, Make
from omnimix.testing.collector import Collector

NOW = datetime(2026, 11, 1, 12, 0)


def clock() -> datetime:
    return NOW


class Desk:
    """A workspace whose inbox is filled without a server."""

    def __init__(self, root: Path, machine: Machine) -> None:
        self.machine, self.root = machine, root
        self.inbox: Inbox = inbox_at(root / ".omnimix" / INBOX, machine.collect)
        self.online: OnlineStore = machine.online()
        self._seal = Seal(machine.key, INBOX)

    def put(self, events: list[dict[str, Any]], source: str = "live", agent: str = "Mozilla/5.0 Firefox") -> None:
        body = json.dumps({"batch": events}).encode()
        call = read_call("batch", body, secret=b"s")
        envelope = Envelope(micros(NOW), source, "batch", Sender(agent), call.ids, body)
        self.inbox.put([Entry(call.keys, self._seal.close(sealed_of(envelope)))])

    @property
    def follower(self) -> Follower:
        return follower_of(self.machine, self.online, self.inbox)

    def follow(self) -> int:
        return follow(self.follower, now=NOW)

    def settle(self) -> None:
        self.inbox.close()
        settle_waiting(self.machine)
        self.inbox = inbox_at(self.root / ".omnimix" / INBOX, self.machine.collect)

    def differences(self) -> list[tuple[str, str, str]]:
        self.inbox.close()
        found = disagreements(self.machine)
        self.inbox = inbox_at(self.root / ".omnimix" / INBOX, self.machine.collect)
        return [(d.field, d.live, d.facts) for d in found]

    def rebuild(self, **options: bool) -> int:
        self.inbox.close()
        people = rebuild(self.machine, **options)
        self.inbox = inbox_at(self.root / ".omnimix" / INBOX, self.machine.collect)
        return people

    def state(self, **ids: str) -> State:
        ((kind, value),) = ids.items()
        mark = Pseudonyms(self.machine.key).of(kind, value)
        person = located(self.online, [mark])[mark]
        return unpacked(self.online.read([state_key(person)])[0], person)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    collector = Collector(tmp_path / "shop", port=8484)
    with machine_of(settings_of(collector.root, os.environ), os.environ, clock=clock) as machine:
        opened = Desk(collector.root, machine)
        opened.online.change([], lambda _: Change(position_key({})))
        yield opened
        opened.inbox.close()
        opened.online.close()


def event(number: int, name: str = "Product Viewed", **more: Any) -> dict[str, Any]:
    at = NOW - timedelta(minutes=3 * (number % 500) + 1)
    return {
        "messageId": f"e{number:05d}",
        "type": "track",
        "event": name,
        "anonymousId": f"a{number % 7}",
        "timestamp": at.isoformat() + "Z",
        "properties": {"product_id": f"P{number % 5}", "category": "Kitchen", "price": 4.5, "quantity": 2},
        **more,
    }


def shopping(count: int, seed: int) -> list[dict[str, Any]]:
    """Events of seven visitors; some sign in, refuse, unsubscribe, are robots, or say nonsense."""
    rng = random.Random(seed)
    names = ("Product Viewed", "Product Added", "Product Removed", "Order Completed", "Ad Clicked", "Unsubscribed")
    found = []
    for number in range(count):
        one = event(number, rng.choice(names))
        one["context"] = {"campaign": {"medium": rng.choice(["Email", "cpc"]), "name": "spring"}}
        chance = rng.random()
        if chance < 0.1:
            one["userId"] = f"u{number % 7}"
        elif chance < 0.15:
            one["context"]["consent"] = {"categoryPreferences": {"advertising": rng.random() < 0.5}}
        elif chance < 0.2:
            one["timestamp"] = "no time at all"
        elif chance < 0.25:
            one["context"]["userAgent"] = "Googlebot/2.1"
        elif chance < 0.3:
            one |= {"type": "identify", "userId": f"u{number % 7}"}
        elif chance < 0.35:
            one["properties"]["variant_id"] = "v1"
        found.append(one)
    return found


class Torn(Exception):
    """The process ended here."""


class Tearing:
    """An online store that ends the process after so many turns, before or after the turn is written."""

    def __init__(self, inner: OnlineStore, turns: int, *, after: bool) -> None:
        self._inner, self._turns, self._after = inner, turns, after
        self.read, self.scan, self.entries = inner.read, inner.scan, inner.entries
        self.cut, self.flush, self.close = inner.cut, inner.flush, inner.close

    def change(self, keys: Any, make: Make) -> None:
        self._turns -= 1
        if self._turns < 0 and not self._after:
            raise Torn
        self._inner.change(keys, make)
        if self._turns < 0:
            raise Torn


def test_following_tells_what_the_facts_tell(desk: Desk) -> None:
    rng = random.Random(5)
    events = shopping(300, seed=1)
    while events:
        size = rng.choice([1, 9, 40])
        desk.put(events[:size])
        if rng.random() < 0.3:
            desk.put(events[:size])  # sent again
        del events[:size]
        whole = desk.online
        desk.online = Tearing(whole, rng.randrange(3), after=rng.random() < 0.5)
        with contextlib.suppress(Torn):
            desk.follow()
        desk.online = whole
        if rng.random() < 0.1:
            desk.settle()
    desk.follow()
    assert desk.follow() == 0
    assert desk.differences() == []
    assert desk.state(user="u1").counts
    assert desk.state(anon="a1") == desk.state(user="u1")


def test_rebuilding_changes_nothing_and_mends_what_was_spoilt(desk: Desk) -> None:
    desk.put(shopping(120, seed=2))
    desk.follow()
    assert desk.differences() == []
    before = desk.state(anon="a2")
    assert desk.rebuild() == desk.rebuild(anew=True) == 7
    after = desk.state(anon="a2")
    assert (after.counts, after.basket, after.path) == (before.counts, before.basket, before.path)
    assert after.published_us == micros(NOW)
    desk.online.change([], lambda _: Change({state_key(after.person): packed(State(after.person))}))
    assert {field for field, _, _ in desk.differences()} >= {"counts", "path", "marks"}
    desk.rebuild()
    assert desk.differences() == []


def test_two_become_one_at_once_and_take_the_name_of_the_links(desk: Desk) -> None:
    desk.put([event(1), event(2, userId="u9", anonymousId="b")])
    desk.follow()
    desk.put([event(3, anonymousId="a1", userId="u9")])
    desk.follow()
    both = desk.state(anon="a1")
    assert both == desk.state(user="u9") == desk.state(anon="b")
    assert sum(sum(days.values()) for days in both.counts.values()) == 3
    desk.put([event(4)])
    desk.settle()  # a log is followed before it goes
    assert desk.state(anon="a4").path[0][2] == "Product Viewed"
    assert adopt_links(desk.machine) == 0
    named = desk.state(user="u9")
    profile = desk.machine.warehouse.arrow(desk.machine.warehouse.table("link"))["profile_id"].to_pylist()
    assert named.person in profile
    assert located(desk.online, [both.person])[both.person] == named.person
    assert desk.differences() == []
    assert state_of(desk.machine, named.person) == named
    with pytest.raises(NotFound):
        state_of(desk.machine, "anon:nobody")


def test_a_shared_device_joins_nobody_for_good(desk: Desk) -> None:
    desk.put([event(n, anonymousId="till", userId=f"u{n}") for n in range(14)])
    desk.follow()
    desk.settle()
    assert adopt_links(desk.machine) > 0
    desk.rebuild()
    assert desk.differences() == []
    assert desk.state(user="u1") != desk.state(user="u2")
    desk.put([event(20, anonymousId="till", userId="u20")])
    desk.follow()
    desk.settle()
    assert adopt_links(desk.machine) == 0  # it joins nobody any more
    assert desk.differences() == []


def test_feedback_goes_to_whom_the_token_names(desk: Desk) -> None:
    desk.put([event(1)])
    desk.follow()
    person = desk.state(anon="a1").person
    told = {"variant_id": "v1", "decision_id": "d1", "campaign": "spring", "person": person}
    view = {"messageId": "fb_1", "type": "track", "event": "Ad Viewed", "properties": told}
    desk.put([view], FEEDBACK)
    desk.put([{**view, "messageId": "x"}])  # nobody else may say it
    desk.follow()
    assert desk.state(anon="a1").engaged["v1"][0] == 1
    desk.put([event(2, anonymousId="a1", userId="u1")])
    desk.put([{**view, "messageId": "fb_2", "event": "Ad Clicked"}], FEEDBACK)
    desk.follow()
    assert desk.state(user="u1").engaged["v1"][3] == 1
    assert desk.differences() == []


def test_who_refuses_is_not_kept(desk: Desk) -> None:
    no = {"consent": {"categoryPreferences": {"personalisation": False}}}
    desk.put([event(1), event(8, context=no), event(15)])
    desk.follow()
    state = desk.state(anon="a1")
    assert state.consents
    assert not state.path
    assert desk.differences() == []


def test_what_was_decided_to_show_outlives_rebuilding(desk: Desk) -> None:
    desk.put([event(1)])
    desk.follow()
    state = decided(desk.state(anon="a1"), campaign="spring", channel="web", at_us=micros(NOW))
    desk.online.change([], lambda _: Change({state_key(state.person): packed(state)}))
    stranger = decided(State(person_of("anon:new")), campaign="spring", channel="web", at_us=micros(NOW))
    desk.online.change([], lambda _: Change({state_key(stranger.person): packed(stranger)}))
    desk.rebuild()
    assert desk.state(anon="a1").shown == state.shown
    assert unpacked(desk.online.read([state_key(stranger.person)])[0]).shown == stranger.shown


def test_who_is_forgotten_is_gone_and_stays_gone(desk: Desk) -> None:
    desk.put([event(1), event(2)])
    desk.follow()
    desk.settle()
    mark = Pseudonyms(desk.machine.key).of("anon", "a1")
    desk.machine.vault.forget([mark], now=NOW)
    assert forget_people(desk.machine) == 1
    assert forget_people(desk.machine) == 0
    desk.put([event(8)])
    desk.follow()
    assert not desk.state(anon="a1").last_us
    assert desk.differences() == []


def test_nothing_is_followed_before_the_first_rebuilding(desk: Desk) -> None:
    desk.online.change([], lambda _: Change({b"at": None}))
    desk.put([event(1)])
    assert desk.follow() == 0
    assert position_of(desk.online) is None
    desk.rebuild()  # of the facts; what waits is followed from its beginning
    desk.put([event(8)])
    assert desk.follow() == 2
    assert desk.state(anon="a1").counts["Product Viewed"]
    assert desk.differences() == []


def test_a_store_that_is_away_loses_nothing(desk: Desk) -> None:
    class Away(Tearing):
        def change(self, keys: Any, make: Make) -> None:
            raise Unavailable(f"away: {keys} {make}")

    whole = desk.online
    desk.put([event(1)])
    desk.online = Away(whole, 0, after=False)
    with pytest.raises(Unavailable):
        desk.follow()
    desk.online = whole
    assert desk.follow() == 1
