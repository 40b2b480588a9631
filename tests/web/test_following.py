"""The follower beside the workers: what was acknowledged is known of the person within moments."""

import json
import time

import pytest

from omnimix.activation.decide.state import State, state_key, unpacked
from omnimix.app import KEY_FILE, STATE
from omnimix.flow.follow import located
from omnimix.governance.keys import load_key
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.testing.collector import Collector, batch_of, made_up

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.xdist_group("server")]


def test_an_acknowledged_event_is_soon_known(edge: Collector) -> None:
    (event,) = made_up(1, seed=77, source="follow")
    event |= {"anonymousId": "follow-me", "timestamp": None}
    assert edge.ask("POST", "/v1/batch", batch_of([event]), Content_Type="application/json")[0] == 200
    mark = Pseudonyms(load_key(path=edge.root / KEY_FILE)).of("anon", "follow-me")
    store = LmdbStore(edge.root / STATE / "online")
    until, state = time.monotonic() + 30, State("")
    while not state.path and time.monotonic() < until:
        time.sleep(0.05)
        person = located(store, [mark])[mark]
        state = unpacked(store.read([state_key(person)])[0], person)
    store.close()
    assert [name for _, _, name in state.path] == [event["event"]]
    assert state.marks == (mark,)
    assert "follow-me" not in json.dumps(edge.log.read_text(errors="replace"))
