"""Budgets: no order of turns breaks a cap, nothing is lost, what the dead hold comes back."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.budget import (
    GRACE_US,
    LEASE_US,
    SLICE,
    Counter,
    buried,
    closed,
    dead,
    key_of,
    read_counter,
    rebuilt,
    renewed,
    told,
    turned,
    written,
)
from omnimix.activation.decide.pacing import HOUR, SECOND, Pace, Way
from omnimix.activation.decide.purse import Purse
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.port import Change, OnlineStore

NOON = 1_760_000_000 * SECOND // (24 * HOUR) * 24 * HOUR + 12 * HOUR
DAILY = 1_000_000
PACE = Pace("c", daily=DAILY, total=2 * DAILY + DAILY // 2, way=Way.AT_ONCE)
WORKERS = ("a", "b", "c")


class Turns:
    """Workers that renew, spend, close and die as told, each spending only what it was granted."""

    def __init__(self) -> None:
        self.counter, self.now = Counter(), NOON
        self.mine = {w: (w, 0, 0, 0) for w in WORKERS}  # name in the store, day, spent, granted
        self.spent: dict[int, int] = {}
        self.number = 0

    def step(self, kind: str, worker: str, amount: int) -> None:
        name, day, spent, granted = self.mine[worker]
        if kind == "renew":
            self.counter = renewed(self.counter, PACE, name, day=day, spent=spent, need=amount, now_us=self.now)
            held = self.counter.held[name]
            self.mine[worker] = (name, self.counter.day, held.told, held.granted)
        elif kind == "spend":
            paid = min(amount, granted - spent)
            self.mine[worker] = (name, day, spent + paid, granted)
            self.spent[day] = self.spent.get(day, 0) + paid
        elif kind == "close":
            self.counter = closed(self.counter, PACE, name, day=day, spent=spent, now_us=self.now)
            self._anew(worker)
        elif kind == "die":
            self._anew(worker)
        elif kind == "wait":
            self.now += amount * SECOND
            for each in WORKERS:  # leases end
                self._anew(each)
        elif kind == "bury":
            today = self.spent.get(self.counter.day, 0)
            yesterday = self.spent.get(self.counter.day - 1, 0)
            self.counter = buried(self.counter, yesterday=yesterday, today=today, now_us=self.now)

    def _anew(self, worker: str) -> None:
        self.number += 1
        self.mine[worker] = (f"{worker}{self.number}", 0, 0, 0)


STEPS = st.tuples(
    st.sampled_from(["renew", "renew", "spend", "spend", "close", "die", "wait", "bury"]),
    st.sampled_from(WORKERS),
    st.integers(1, 400_000),
)


@given(st.lists(STEPS, max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_order_of_turns_breaks_a_cap(steps: list[tuple[str, str, int]]) -> None:
    turns = Turns()
    for kind, worker, amount in steps:
        turns.step(kind, worker, min(amount, 90_000) if kind == "wait" else amount)
        assert all(spent <= DAILY for spent in turns.spent.values())
        assert sum(turns.spent.values()) <= PACE.total
        counter = turns.counter
        assert 0 <= counter.spent <= counter.granted <= DAILY
        assert counter.before + counter.granted <= PACE.total
        assert sum(counter.hours) <= counter.spent


@given(st.lists(STEPS, max_size=40))
@settings(max_examples=100, deadline=None)
def test_told_is_spent_once_everybody_closed(steps: list[tuple[str, str, int]]) -> None:
    """Conservation: without deaths and midnights, the counter ends with exactly what was spent."""
    turns = Turns()
    for kind, worker, amount in steps:
        if kind in ("renew", "spend", "close"):
            turns.step(kind, worker, amount)
    for worker in WORKERS:
        turns.step("close", worker, 0)
    assert turns.counter.spent == turns.counter.granted == sum(turns.spent.values())
    assert not turns.counter.held


def test_what_the_dead_hold_comes_back_when_it_is_known_what_they_spent() -> None:
    counter = renewed(Counter(), PACE, "a", day=0, spent=0, need=0, now_us=NOON)
    assert 0 < counter.granted < DAILY // SLICE
    counter = renewed(counter, PACE, "a", day=counter.day, spent=0, need=5_000, now_us=NOON)
    assert counter.granted == 5_000
    later = NOON + LEASE_US + GRACE_US + 1
    assert dead(counter, NOON + LEASE_US) == ()
    assert dead(counter, later) == ("a",)
    after = buried(counter, yesterday=0, today=1_234, now_us=later)
    assert after.spent == after.granted == 1_234
    assert told(after, "a", after.day, 9_999, 12) == after  # too late: it is buried


def test_what_died_before_midnight_comes_back_too() -> None:
    counter = renewed(Counter(), PACE, "a", day=0, spent=0, need=50_000, now_us=NOON)
    day = counter.day
    counter = renewed(counter, PACE, "b", day=0, spent=0, need=1_000, now_us=NOON)
    tomorrow = renewed(counter, PACE, "b", day=day, spent=600, need=0, now_us=NOON + 12 * HOUR)
    assert tomorrow.before == 50_600
    after = buried(tomorrow, yesterday=20_600, today=0, now_us=NOON + 12 * HOUR)
    assert after.before == 20_600
    assert not after.late
    assert buried(after, yesterday=0, today=0, now_us=NOON + 12 * HOUR) == after


def test_telling_twice_changes_nothing_and_yesterday_is_still_taken_in() -> None:
    counter = renewed(Counter(), PACE, "a", day=0, spent=0, need=50_000, now_us=NOON)
    day = counter.day
    once = told(counter, "a", day, 40_000, 12)
    assert told(once, "a", day, 40_000, 12) == once
    tomorrow = turned(once, PACE, NOON + 12 * HOUR)
    assert tomorrow.before == 50_000  # granted counts until it is told
    late = told(tomorrow, "a", day, 45_000, 0)
    assert late.before == 45_000
    assert told(late, "a", day, 45_000, 0) == late


def test_a_lost_counter_is_rebuilt() -> None:
    counter = rebuilt(PACE, before=7, hours=(1, 2, 3), now_us=NOON)
    assert (counter.before, counter.spent, counter.granted, counter.hours) == (7, 6, 6, (1, 2, 3))
    assert read_counter(written(counter)) == counter
    assert read_counter(None) == Counter()


@pytest.fixture
def store(tmp_path: Path) -> OnlineStore:
    return LmdbStore(tmp_path / "online", map_bytes=1 << 26)


def count(store: OnlineStore) -> Counter:
    return read_counter(store.read([key_of("c")])[0])


def test_threads_never_spend_more_than_the_cap_and_all_of_it(store: OnlineStore) -> None:
    paid = [0] * 6

    def spend(place: int) -> None:
        purse = Purse(store, f"w{place}", {"c": PACE})
        now = NOON
        for _ in range(2_000):
            now += SECOND // 20
            paid[place] += purse.spend("c", 500, now)
        purse.close(now)

    threads = [threading.Thread(target=spend, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(paid) * 500 == DAILY == count(store).spent
    assert not count(store).held


def spend_and_note(folder: Path, worker: int) -> None:
    """Spend as fast as possible, each piece in the journal, until killed."""
    store = LmdbStore(folder, map_bytes=1 << 26)
    purse = Purse(store, f"p{worker}-{os.getpid()}", {"c": PACE})
    now = NOON
    while True:
        now += SECOND // 1_000
        if purse.spend("c", 500, now):
            store.change([], lambda _: Change(entries=[b"500"]))


def test_killed_processes_never_spend_more_than_the_cap(tmp_path: Path) -> None:
    folder = tmp_path / "online"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=spend_and_note, args=(folder, i)) for i in range(8)]
    for worker in workers:
        worker.start()
    time.sleep(0.3)
    for worker in workers:
        assert worker.pid
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    store = LmdbStore(folder, map_bytes=1 << 26)
    noted = 500 * len(store.entries(0, 10_000))
    assert 0 < noted <= DAILY
    assert noted <= count(store).granted
    late = count(store).seen_us + LEASE_US + GRACE_US + SECOND
    settled = buried(count(store), yesterday=0, today=noted, now_us=late)
    assert not settled.held
    assert settled.spent == settled.granted
    # Each may have died between spending and noting: then a piece counts as told, never more than was granted.
    assert noted <= settled.spent <= noted + 8 * 500 * 60
    store.close()


def test_a_purse_that_slept_begins_anew(store: OnlineStore) -> None:
    purse = Purse(store, "w", {"c": PACE})
    assert purse.spend("c", 1_000, NOON)
    assert purse.spend("c", 1_000, NOON + HOUR)
    purse.close(NOON + HOUR)
    assert count(store).spent == 2_000
    assert not count(store).held


def test_what_is_given_back_can_be_spent_again(store: OnlineStore) -> None:
    purse = Purse(store, "w", {"c": Pace("c", daily=1_000, way=Way.AT_ONCE)})
    now = NOON
    assert purse.spend("c", 1_000, now)
    assert not purse.spend("c", 1, now + SECOND)
    purse.give_back("c", 400, now + 2 * SECOND)
    assert purse.spend_upto("c", 100, 9, now + 3 * SECOND) == 4
    purse.close(now + 4 * SECOND)
    assert count(store).spent == 1_000


def test_without_a_budget_everything_is_paid(store: OnlineStore) -> None:
    purse = Purse(store, "w", {})
    assert purse.chance("c", NOON) == 1
    assert purse.spend_upto("c", 5, 3, NOON) == 3
    assert store.read([key_of("c")]) == [None]


def test_a_lowered_cap_holds_at_once(store: OnlineStore) -> None:
    purse = Purse(store, "w", {"c": PACE})
    assert purse.spend_upto("c", 1, 5_000, NOON) == 5_000
    purse.adopt({"c": Pace("c", daily=5_000, way=Way.AT_ONCE)})
    purse.renew(NOON + SECOND)
    assert not purse.spend("c", 1, NOON + SECOND)
    assert purse.chance("c", NOON + SECOND) == 0
