"""The inbox: every key new once, whatever the order, the process or the accident."""

import os
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.store.inbox import Entry, Inbox, frames, frames_from


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def entry(*numbers: int, body: bytes = b"body") -> Entry:
    return Entry([key(n) for n in numbers], body)


def read(inbox: Inbox) -> list[tuple[tuple[bool, ...], bytes]]:
    inbox.close_log()
    return [(f.new, f.sealed) for log in inbox.closed() for f in frames(log)]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Inbox]]:
    opened: list[Inbox] = []

    def again(**options: float) -> Inbox:
        for inbox in opened:
            inbox.close()
        opened[:] = [Inbox(tmp_path / "inbox", **options)]  # type: ignore[arg-type]
        return opened[0]

    yield again
    for inbox in opened:
        inbox.close()


@given(
    st.lists(st.lists(st.lists(st.integers(0, 15), min_size=1, max_size=6), min_size=1, max_size=3), max_size=6)
)
def test_each_key_is_new_once_and_batches_come_back_in_order(groups: list[list[list[int]]]) -> None:
    with TemporaryDirectory() as folder:
        inbox = Inbox(Path(folder) / "inbox")
        known: set[int] = set()
        wanted: list[tuple[tuple[bool, ...], bytes]] = []
        for place, group in enumerate(groups):
            fresh = inbox.put([entry(*numbers, body=bytes([place])) for numbers in group])
            for numbers, count in zip(group, fresh, strict=True):
                flags = []
                for number in numbers:
                    flags.append(number not in known)
                    known.add(number)
                assert count == sum(flags)
                if any(flags):
                    wanted.append((tuple(flags), bytes([place])))
        assert read(inbox) == wanted
        inbox.close()


def test_what_was_put_is_known_to_the_next_process(make: Callable[..., Inbox]) -> None:
    assert make().put([entry(1, 2)]) == [2]
    inbox = make()
    assert inbox.put([entry(2, 3)]) == [1]
    assert read(inbox) == [((True, True), b"body"), ((False, True), b"body")]


def test_a_torn_tail_is_written_over_and_cut_off(make: Callable[..., Inbox], tmp_path: Path) -> None:
    make().put([entry(1)])
    (log,) = (tmp_path / "inbox").glob("*.log")
    with log.open("ab") as file:  # what a process killed in the middle of writing leaves behind
        file.write(b"\x40\x00\x00\x00half a frame" * 9)
    inbox = make()
    inbox.put([entry(2, body=b"x")])
    assert read(inbox) == [((True,), b"body"), ((True,), b"x")]


def test_after_another_boot_keys_are_read_from_the_logs(make: Callable[..., Inbox], tmp_path: Path) -> None:
    make().put([entry(1, 2), entry(3)])
    (log,) = (tmp_path / "inbox").glob("*.log")
    with log.open("ab") as file:
        file.write(b"torn")
    (tmp_path / "inbox" / "boot").write_text("an earlier start of this machine")
    inbox = make()
    assert inbox.put([entry(2, 3, 4)]) == [1]
    assert [flags for flags, _ in read(inbox)] == [(True, True), (True,), (False, False, True)]


def test_a_spoilt_frame_ends_its_log(make: Callable[..., Inbox]) -> None:
    inbox = make()
    inbox.put([entry(1, body=b"a" * 50), entry(2, body=b"b" * 50)])
    inbox.close_log()
    (log,) = inbox.closed()
    data = bytearray(log.read_bytes())
    data[-1] ^= 1
    log.write_bytes(data)
    assert [f.sealed for f in frames(log)] == [b"a" * 50]


def test_keys_are_forgotten_after_two_windows_not_before_one(make: Callable[..., Inbox]) -> None:
    inbox = make(most_keys=4)
    inbox.put([entry(1, 2, 3, 4)])
    assert inbox.put([entry(1, 5, 6, 7)]) == [3]  # a new window has begun, the one before is still known
    assert inbox.put([entry(1, 8)]) == [1]
    inbox.put([entry(9, 10, 11, 12)])
    assert inbox.put([entry(2)]) == [1]


def test_a_log_is_gone_only_when_it_is_removed(make: Callable[..., Inbox]) -> None:
    inbox = make()
    inbox.put([entry(1)])
    assert inbox.waiting() > 0
    assert inbox.closed() == []  # it is being written
    inbox.close_log()
    (log,) = inbox.closed()
    inbox.put([entry(2)])
    inbox.remove(log)
    assert [s for _, s in read(inbox)] == [b"body"]
    assert inbox.put([entry(1)]) == [0]


def _put_all(root: Path, name: bytes) -> None:
    inbox = Inbox(root)
    for start in range(0, 200, 10):
        inbox.put([entry(*range(start, start + 10), body=name)])
    inbox.close()
    os._exit(0)


def test_processes_share_it(tmp_path: Path) -> None:
    context = get_context("fork")
    running = [context.Process(target=_put_all, args=(tmp_path / "inbox", bytes([n]))) for n in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join(30)
        assert process.exitcode == 0
    inbox = Inbox(tmp_path / "inbox")
    assert sum(sum(flags) for flags, _ in read(inbox)) == 200
    inbox.close()


def test_a_log_is_followed_while_it_is_written(make: Callable[..., Inbox]) -> None:
    inbox = make()
    assert inbox.logs() == []
    inbox.put([entry(1, 2, body=b"one"), entry(2, body=b"known"), entry(3, body=b"two")])
    ((log, end),) = inbox.logs()
    first, at = frames_from(log, 0, end, events=1)
    assert [frame.sealed for frame in first] == [b"one"]
    rest, stop = frames_from(log, at, end, events=9)
    assert ([frame.sealed for frame in rest], stop) == ([b"two"], end)
    assert frames_from(log, 0, end - 1, events=9) == (first, at)  # a frame beyond the valid end is not there
    inbox.put([entry(4, body=b"three")])
    assert inbox.logs()[0][1] > end
    inbox.close_log()
    assert inbox.logs() == [(log, log.stat().st_size)]
