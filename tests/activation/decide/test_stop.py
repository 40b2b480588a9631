"""The kill switch: what is stopped stays so until somebody resumes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from omnimix.activation.decide.stop import ALL, Stop, is_stopped, refuse_stopped, resume, stop, stopped, stops
from omnimix.core.errors import NotAllowed, NotFound
from omnimix.store.online import OnlineStore
from omnimix.store.online.open import open_online

ANNA, BEN = Stop(1_000, "anna", "a wrong price"), Stop(2_000, "ben")


@pytest.fixture
def online(tmp_path: Path) -> Iterator[OnlineStore]:
    """An empty store of online state."""
    store = open_online("", tmp_path / "online", map_bytes=1 << 20)
    yield store
    store.close()


def test_the_first_stop_stands_until_it_is_lifted(online: OnlineStore) -> None:
    stop(online, "spring", ANNA)
    stop(online, "spring", BEN)
    assert stops(online) == {"spring": ANNA}
    with pytest.raises(NotAllowed, match="omnimix resume spring"):
        refuse_stopped(online, "spring")
    refuse_stopped(online, "spring-sale")  # not a campaign whose name begins alike
    resume(online, "spring")
    refuse_stopped(online, "spring")
    with pytest.raises(NotFound):
        resume(online, "spring")


def test_everything(online: OnlineStore) -> None:
    stop(online, "spring", ANNA)
    stop(online, ALL, BEN)
    assert is_stopped(stopped(online), "autumn")
    with pytest.raises(NotAllowed, match="omnimix resume --all"):
        refuse_stopped(online, "autumn")
    with pytest.raises(NotFound, match="--all"):
        resume(online, "autumn")
    resume(online, ALL)
    assert stopped(online) == frozenset()
