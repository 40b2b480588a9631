"""Decisions over HTTP: keys, bodies, people, batches; releases and stops while it runs."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from omnimix.activation.decide.decision import unpacked
from omnimix.activation.decide.release import FOLDER, Release, named, point, save
from omnimix.activation.decide.state import alias_key, packed, person_of, state_key
from omnimix.activation.decide.state import unpacked as state_from
from omnimix.activation.decide.stop import Stop, resume, stop
from omnimix.activation.experiment.ladder import Ladder
from omnimix.app import KEY_FILE, STATE
from omnimix.core.clock import micros, utc_now
from omnimix.governance.keys import load_key
from omnimix.governance.pseudonym import KeyKind, Pseudonyms
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.port import Change
from omnimix.testing.collector import WRITE_KEY, Collector
from omnimix.testing.decisions import RULES, release_of

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.xdist_group("server")]

KEY = "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
PLAIN = Ladder(none=0, broad=0, relevant=0, segment=0, sequence=0, moment=0)


def release(seed: int) -> Release:
    """A release in which nothing is in the way but the caps."""
    made = release_of(
        seed=seed, varied=False, ladder=PLAIN, rules=replace(RULES, quiet_hours=""), now_us=micros(utc_now())
    )
    assumed = ("advertising", "email", "measurement", "personalisation")
    return named(msgspec.structs.replace(made, assumed=assumed))


@pytest.fixture(scope="module")
def store(edge: Collector) -> Iterator[LmdbStore]:
    """The server's online state; a first release is served."""
    publish(edge, release(1))
    opened = LmdbStore(edge.root / STATE / "online")
    yield opened
    opened.close()


def publish(edge: Collector, made: Release) -> str:
    """Serve a release and wait until both workers do."""
    save(made, edge.root / STATE / FOLDER)
    point(edge.root / STATE / FOLDER, made.release_id)
    wait_for(lambda: all(answer_of(edge, user_id="w").get("release") == made.release_id for _ in range(12)))
    return made.release_id


def wait_for(holds, seconds: float = 10) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def ask(edge: Collector, path: str = "/v1/decide", **said: object) -> tuple[int, dict]:
    """Status and answer."""
    status, body = edge.ask("POST", path, json.dumps(said).encode(), authorization=KEY)
    return status, json.loads(body)


def answer_of(edge: Collector, **said: object) -> dict:
    """The answer alone."""
    return ask(edge, **said)[1]


def test_a_decision_is_in_the_journal_and_counted_before_it_is_answered(edge: Collector, store: LmdbStore) -> None:
    status, answer = ask(edge, user_id="anna", placement="home", context={"device": "mobile"})
    assert status == 200
    (slot,) = answer["slots"]
    assert slot["variant"].startswith("broad-")
    assert slot["content"]["headline"].startswith("Offer")
    assert slot["click"].startswith("/c/")
    log = next(
        d for _n, e in reversed(store.entries(0, 10**6)) if (d := unpacked(e)).decision_id == slot["decision_id"]
    )
    mark = Pseudonyms(load_key(path=edge.root / KEY_FILE)).of(KeyKind.USER, "anna")
    assert log.person == person_of(mark)
    assert state_from(store.read([state_key(log.person)])[0]).shown["autumn"]
    assert b"anna" not in msgspec.msgpack.encode(log)
    assert edge.ask("GET", slot["seen"])[0] == 200
    assert edge.ask("GET", slot["click"])[0] == 302


def test_a_known_person_is_found_by_either_id(edge: Collector, store: LmdbStore) -> None:
    pseudonyms = Pseudonyms(load_key(path=edge.root / KEY_FILE))
    state = msgspec.structs.replace(state_from(None, "pf_known"), profile_id="pf_known", segment="loyal")
    keys = [alias_key(pseudonyms.of(k, v)) for k, v in ((KeyKind.USER, "kim"), (KeyKind.ANONYMOUS, "a-9"))]
    store.change([], lambda _: Change({state_key("pf_known"): packed(state), **dict.fromkeys(keys, b"pf_known")}))
    for ids in ({"user_id": "kim"}, {"anonymous_id": "a-9"}, {"user_id": "new", "anonymous_id": "a-9"}):
        assert answer_of(edge, **ids)["slots"][0]["lane"] == "follow"
    assert answer_of(edge, user_id="nobody has met")["slots"][0]["lane"] == "unknown"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"user_id": "x"}', {}, 401),
        (b'{"user_id": "x", "writeKey": "' + WRITE_KEY.encode() + b'"}', {}, 200),
        (b'{"user_id": 7}', {"authorization": KEY}, 400),
        (b"not json", {"authorization": KEY}, 400),
        (b'{"slots": 0}', {"authorization": KEY}, 400),
        (b'{"placement": "nowhere"}', {"authorization": KEY}, 404),
        (b'{"query": "' + b"x" * 20_000 + b'"}', {"authorization": KEY}, 413),
        (b"{}", {"authorization": KEY, "content_type": "image/png"}, 415),
        (b"{}", {"authorization": "Basic eDo="}, 401),
    ],
)
def test_each_body_gets_its_status(
    edge: Collector, store: LmdbStore, body: bytes, headers: dict, status: int
) -> None:
    assert edge.ask("POST", "/v1/decide", body, **headers)[0] == status
    assert edge.ask("GET", "/v1/decide")[0] == 405


def test_a_batch_answers_in_order_and_a_cap_holds_within_it(edge: Collector, store: LmdbStore) -> None:
    requests = [{"user_id": f"b{n % 3}", "placement": "home", "links": False} for n in range(18)]
    status, answer = ask(edge, "/v1/decide/batch", requests=requests)
    assert status == 200
    got = [a["slots"][0].get("variant") for a in answer["answers"]]
    assert [sum(v is not None for v in got[n::3]) for n in range(3)] == [4, 4, 4]  # campaign_per_day
    assert all("click" not in a["slots"][0] for a in answer["answers"])
    assert ask(edge, "/v1/decide/batch", requests=[{}] * 1001)[0] == 400


def test_robots_and_refusals_get_the_default(edge: Collector, store: LmdbStore) -> None:
    robot = answer_of(edge, user_id="r", placement="home", context={"user_agent": "Googlebot/2.1"})["slots"][0]
    assert (robot["variant"], robot["content"]) == (None, {"headline": "Welcome"})
    assert "robot" in robot["why"]
    body = json.dumps({"user_id": "g", "placement": "home", "writeKey": WRITE_KEY}).encode()
    _, said = edge.ask(
        "POST", "/v1/decide", body, origin="https://shop.example", sec_gpc="1", user_agent="Mozilla/5.0 (X11)"
    )
    assert json.loads(said)["slots"][0]["excluded"]["no_consent"] > 0


def test_a_new_release_is_served_without_a_refusal_and_a_stop_acts_at_once(
    edge: Collector, store: LmdbStore
) -> None:
    first = answer_of(edge, user_id="s")["release"]
    assert publish(edge, release(2)) != first
    stop(store, "autumn", Stop(1, "anna", "test"))
    began = time.monotonic()
    wait_for(lambda: all(not answer_of(edge, user_id=f"s{n}")["slots"][0].get("variant") for n in range(8)), 3)
    assert time.monotonic() - began < 2.5  # a second, and time for the calls
    assert "stopped" in answer_of(edge, user_id="s9")["slots"][0]["why"]
    resume(store, "autumn")
    wait_for(lambda: answer_of(edge, user_id="t", placement="home")["slots"][0].get("variant") is not None)
