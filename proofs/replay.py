"""[prove replay] Decisions replay bit for bit, from journal and facts, after a restart and new releases.

in   1,000 random decisions of a workspace with several releases, journalled in its online store
out  how many differ when made again from a store opened anew, after newer models were published, and after
     settling; how far the parts of explanations are from their scores; how many changed logs and releases pass
     unnoticed
"""

import random
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from omnimix.activation.decide.decide import DICE
from omnimix.activation.decide.decision import Decided
from omnimix.activation.decide.decision import unpacked as entry_of
from omnimix.activation.decide.explain import explain, replay
from omnimix.activation.decide.release import FOLDER, load, point, save
from omnimix.activation.decide.serving import Serving, serving, unkept
from omnimix.activation.decide.state import packed, state_key
from omnimix.activation.decide.turn import Named, take_turn
from omnimix.app import STATE, machine_of, settings_of
from omnimix.core.errors import Conflict, InvalidInput
from omnimix.flow.decide import explain_of, replay_of
from omnimix.flow.decisions import settle_decisions
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.port import Change
from omnimix.testing.collector import Collector
from omnimix.testing.decisions import NOW_US, release_of, request_of, state_of
from omnimix.testing.evidence import Figure, at_most, equal

DECISIONS, RELEASES, PEOPLE, TURN = 1_000, 5, 300, 20
_SOME = 40  # decisions that are replayed by id, from the facts
_NOW = datetime(2026, 9, 21, 13)


def figures() -> Iterator[Figure]:
    """After a restart and newer releases; with a bit changed; from the facts."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        Collector(root)
        _decide(root)
        store = LmdbStore(root / STATE / "online")  # opened anew
        logs = [entry_of(entry) for _number, entry in store.entries(0, 10 * DECISIONS)]
        store.close()
        ready = {r: serving(load(root / STATE / FOLDER, r)) for r in {log.release for log in logs}}
        yield equal("decisions in the journal", len(logs), DECISIONS)
        yield equal("releases they were made from", len(ready), RELEASES)
        shown = sum(log.chosen >= 0 for log in logs)
        asked = sum(bool(log.model) and log.chosen >= 0 for log in logs)
        enough = asked > 50 and shown - asked > 50
        yield Figure("something shown; by a moment model", f"{shown}; {asked}", "50 of each kind", enough)
        yield equal("that differ after restart and new models", sum(_differs(ready, log) for log in logs), 0)
        gaps = [gap for log in logs if (gap := _gap(ready, log)) is not None]
        yield at_most("largest gap between a score and its parts", max(gaps), 1e-9)
        yield from _changed(root, ready, logs)
        yield from _from_facts(root, logs)


def _decide(root: Path) -> None:
    """1,000 decisions in turns of several people, a new release every fifth of them."""
    rng = random.Random(11)
    releases = root / STATE / FOLDER
    store = LmdbStore(root / STATE / "online")
    for number in range(PEOPLE):
        state = state_of(rng, f"pf_{number:020x}", campaigns=("autumn", "winter"))
        store.change([], lambda _, s=state: Change({state_key(s.person): packed(s)}))
    for number in range(RELEASES):
        release = release_of(seed=number, campaigns=("autumn", "winter"))
        save(release, releases)
        point(releases, release.release_id)
        ready = serving(release)
        for _ in range(DECISIONS // RELEASES // TURN):
            calls = [request_of(rng, slots=1) for _ in range(TURN)]
            named = [Named(c, (f"pf_{rng.randrange(PEOPLE):020x}",), c.placement or "home") for c in calls]
            _turns(store, ready, named, rng)
    store.close()


def _turns(store: LmdbStore, ready: Serving, named: list[Named], rng: random.Random) -> None:
    """Together or one by one: the size of a turn must not show in a decision."""
    groups = [named] if rng.random() < 0.5 else [[one] for one in named]
    for group in groups:
        at, dice = NOW_US + rng.randrange(10**9), rng.randbytes(DICE * len(group))
        take_turn(store, ready, group, now_us=at, dice=dice, stopped=frozenset(), purse=None)


def _differs(ready: dict[str, Serving], log: Decided) -> bool:
    try:
        again = replay(ready[log.release], log)
    except Conflict:
        return True
    return (again.variant or "", again.probability) != (log.variant, log.probability)


def _gap(ready: dict[str, Serving], log: Decided) -> float | None:
    why = explain(ready[log.release], log)
    return None if why.score is None else abs(why.score - sum(points for _name, points in why.contributions))


def _changed(root: Path, ready: dict[str, Serving], logs: list[Decided]) -> Iterator[Figure]:
    """A log or a release that was changed must not replay."""
    unseen = tried = 0
    for log in [one for one in logs if len(one.chances) > 8][:100]:
        for other in (
            msgspec.structs.replace(log, chances=bytes([log.chances[0] ^ 1]) + log.chances[1:]),
            msgspec.structs.replace(log, eligible=unkept(log.eligible) ^ (1 << log.chosen)),
            msgspec.structs.replace(log, probability=log.probability * (1 + 1e-15)),
            msgspec.structs.replace(log, variant="another"),
        ):
            tried += 1
            unseen += not _differs(ready, other)
    yield equal(f"{tried} logs with one thing changed, unnoticed", unseen, 0)
    path = next((root / STATE / FOLDER).glob("*.release"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"Thoughtful", b"Thoughtless", 1))
    unnoticed = 0
    with suppress(InvalidInput):
        load(path.parent, path.name.removesuffix(".release"))
        unnoticed = 1
    path.write_bytes(content)
    yield equal("a changed release, unnoticed", unnoticed, 0)


def _from_facts(root: Path, logs: list[Decided]) -> Iterator[Figure]:
    with machine_of(settings_of(root, {}), {}, clock=lambda: _NOW) as machine:
        yield equal("moved from the journal to the facts", settle_decisions(machine), DECISIONS)
        wrong = 0
        for log in random.Random(5).sample(logs, _SOME):
            again, why = replay_of(machine, log.decision_id), explain_of(machine, log.decision_id)
            wrong += (again.variant or "", again.probability) != (log.variant, log.probability)
            wrong += why.score is not None and abs(why.score - sum(p for _n, p in why.contributions)) > 1e-9
        yield equal(f"{_SOME} from the facts, by id, that differ", wrong, 0)
