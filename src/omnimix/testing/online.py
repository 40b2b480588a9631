"""The conformance suite of stores of online state: what every one must do, examined from outside.

in   a store: subclass `OnlineStoreSuite`, and say how to open it
out  a verdict: its `test_…` methods raise AssertionError with the promise that was broken

    class TestMyStore(OnlineStoreSuite):
        def fresh(self):
            folder = tempfile.mkdtemp()
            return lambda: MyStore(folder)

What `fresh` returns is called in this process and, after a fork, in others: every call opens the same data.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from omnimix.store.online.port import KEY_BYTES, Change, OnlineStore

Open = Callable[[], OnlineStore]
_TURNS, _HANDS = 40, 4


class OnlineStoreSuite:
    """Subclass it and override `fresh`."""

    def fresh(self) -> Open:
        """How to open a new, empty store; called again it opens the same one."""
        raise NotImplementedError

    def test_reads_what_was_written(self) -> None:
        """Values come back as they were, of any bytes; None where there is none and after a deletion."""
        store = self.fresh()()
        wanted: dict[bytes, bytes | None] = {
            b"a": b"1",
            b"empty": b"",
            b"\x00\xff*?[]": bytes(range(256)),
            b"k" * KEY_BYTES: b"v" * 70_000,
        }
        store.change([], lambda _: Change(wanted))
        _hold(store.read(list(wanted)) == list(wanted.values()), "values did not come back as they were")
        _hold(store.read([b"nobody"]) == [None], "a key that was never written has a value")
        _hold(store.read([]) == [], "no keys have values")
        store.change([b"a"], lambda found: Change({b"a": None, b"b": found[0]}))
        _hold(store.read([b"a", b"b"]) == [None, b"1"], "a deletion or a copy did not happen")
        store.close()

    def test_turn_is_all_or_nothing(self) -> None:
        """What `make` raises ends the turn, with nothing written and nothing in the journal."""
        store = self.fresh()()
        store.change([], lambda _: Change({b"a": b"1"}, (b"first",)))

        def fails(_: list[bytes | None]) -> Change:
            raise ValueError("no")

        try:
            store.change([b"a"], fails)
        except ValueError:
            pass
        else:
            raise AssertionError("what make raised was swallowed")
        _hold(store.read([b"a"]) == [b"1"], "a turn that failed wrote something")
        _hold(store.entries(0, 9) == [(1, b"first")], "a turn that failed appended something")
        store.close()

    def test_journal_is_ordered_and_can_be_cut(self) -> None:
        """Numbers from 1 without gaps; what was cut is gone and its numbers are never given again."""
        open_ = self.fresh()
        store = open_()
        _hold(store.entries(0, 10) == [], "an empty journal has entries")
        store.cut(5)
        for n in range(3):
            pair = Change({}, (b"%d" % (2 * n), b"%d" % (2 * n + 1)))
            store.change([], partial(_always, pair))
        _hold(store.entries(0, 10) == [(n + 1, b"%d" % n) for n in range(6)], "entries are not in order")
        _hold(store.entries(2, 2) == [(3, b"2"), (4, b"3")], "`after` and `most` are not obeyed")
        store.cut(4)
        _hold(store.entries(0, 10) == [(5, b"4"), (6, b"5")], "what was cut is there, or too much is gone")
        store.cut(3)
        _hold([n for n, _ in store.entries(0, 10)] == [5, 6], "a smaller cut changed something")
        store.cut(99)
        _hold(store.entries(0, 10) == [], "a cut beyond the end left entries")
        store.change([], lambda _: Change({}, (b"next",)))
        _hold(store.entries(0, 10) == [(7, b"next")], "a number was given twice, or one is missing")
        store.close()
        again = open_()
        _hold(again.entries(6, 10) == [(7, b"next")], "the journal did not outlive its store object")
        again.close()

    def test_scan_finds_a_prefix(self) -> None:
        """Every key with the prefix once, and no other, whatever bytes they have."""
        store = self.fresh()()
        there: dict[bytes, bytes | None] = {b"s:%d" % n: b"%d" % n for n in range(2_345)}
        others: dict[bytes, bytes | None] = {b"m:1": b"x", b"s": b"x", b"s*": b"x", b"t:": b"x"}
        store.change([], lambda _: Change(there | others, (b"entry",)))
        found = list(store.scan(b"s:"))
        _hold(len(found) == len(there), f"{len(found)} of {len(there)} keys, or some twice")
        _hold(dict(found) == there, "keys or values differ")
        _hold(dict(store.scan(b"s*")) == {b"s*": b"x"}, "the prefix is taken for a pattern")
        _hold(not list(store.scan(b"z")), "keys were found that are not there")
        store.close()

    def test_turns_of_threads_do_not_mix(self) -> None:
        """As many turns as were taken count; each entry is in the journal once, in the order of the counter."""
        store = self.fresh()()
        hands = [threading.Thread(target=partial(_count, store, hand)) for hand in range(_HANDS)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        _check_counted(store, _HANDS)
        store.close()

    def test_turns_of_processes_do_not_mix(self) -> None:
        """The same with processes, each with a store of its own."""
        open_ = self.fresh()
        open_().close()
        fork: Any = multiprocessing.get_context("fork")
        together = fork.Barrier(_HANDS)
        hands = [fork.Process(target=_count_alone, args=(open_, hand, together)) for hand in range(_HANDS)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
            _hold(hand.exitcode == 0, "a process could not take its turns")
        store = open_()
        _check_counted(store, _HANDS)
        store.close()

    def test_reads_are_of_one_instant(self) -> None:
        """Two keys that every turn writes alike are never read unlike."""
        open_ = self.fresh()
        open_().close()
        fork: Any = multiprocessing.get_context("fork")
        hand = fork.Process(target=_twins, args=(open_,))
        hand.start()
        store = open_()
        try:
            for _ in range(400):
                left, right = store.read([b"left", b"right"])
                _hold(left == right, "a read saw half a turn")
        finally:
            hand.join()
            store.close()

    def test_outlives_a_killed_writer(self) -> None:
        """After SIGKILL in the midst of turns every turn is there as a whole or not at all, and turns go on."""
        open_ = self.fresh()
        open_().close()
        fork: Any = multiprocessing.get_context("fork")
        for _ in range(3):
            hand = fork.Process(target=_write_on, args=(open_,))
            hand.start()
            time.sleep(0.1)
            os.kill(hand.pid, signal.SIGKILL)
            hand.join()
        store = open_()
        done = int(store.read([b"count"])[0] or b"0")
        _hold(done > 0, "nothing was written before the kill")
        told = store.entries(0, done + 10)
        _hold([n for n, _ in told] == list(range(1, done + 1)), "journal and state do not agree")
        _hold([e for _, e in told] == [b"%d" % n for n in range(1, done + 1)], "entries are torn or out of order")
        _add(store)
        _hold(store.read([b"count"]) == [b"%d" % (done + 1)], "no turn can be taken after the kill")
        store.close()


def _hold(kept: bool, broken: str) -> None:
    if not kept:
        raise AssertionError(broken)


def _always(change: Change, _found: list[bytes | None]) -> Change:
    return change


def _add(store: OnlineStore, mark: bytes = b"") -> None:
    def make(found: list[bytes | None]) -> Change:
        number = int(found[0] or b"0") + 1
        return Change({b"count": b"%d" % number}, (mark + b"%d" % number,))

    store.change([b"count"], make)


def _count(store: OnlineStore, hand: int) -> None:
    for _ in range(_TURNS):
        _add(store, b"%d " % hand)


def _count_alone(open_: Open, hand: int, together: Any) -> None:
    store = open_()
    together.wait()
    _count(store, hand)
    store.close()


def _check_counted(store: OnlineStore, hands: int) -> None:
    total = _TURNS * hands
    _hold(store.read([b"count"]) == [b"%d" % total], "turns were lost")
    told = store.entries(0, total + 10)
    _hold([n for n, _ in told] == list(range(1, total + 1)), "entries are missing, or there are too many")
    _hold(
        [int(e.split()[1]) for _, e in told] == list(range(1, total + 1)), "entries are not in their turns' order"
    )


def _twins(open_: Open) -> None:
    store = open_()
    for n in range(300):
        both = Change({b"left": b"%d" % n, b"right": b"%d" % n})
        store.change([b"left"], partial(_always, both))
    store.close()


def _write_on(open_: Open) -> None:
    store = open_()
    while True:
        _add(store)
