"""Links: the same people in any order, ids that stay, exact un-merge, limits, no row lost or doubled."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.data.identity.decisions import decide, decided
from omnimix.data.identity.edges import EDGES, MATCH, edge_table, record_edges
from omnimix.data.identity.links import Relinked, keep_edges, next_instant, relink
from omnimix.data.identity.merges import merge_named, merges_into
from omnimix.data.identity.partition import CROWDED, SHARED, Decided, partition
from omnimix.data.identity.resolve import resolve
from omnimix.data.identity.rules import IdentityRules
from omnimix.store.ledger import open_ledger
from omnimix.store.warehouse import Warehouse

AT = datetime(2024, 1, 1)
KEYS = st.sampled_from([f"{kind}:{n:02x}" for kind in ("user", "anon", "email") for n in range(4)])
GROUPS = st.lists(st.lists(KEYS, min_size=1, max_size=3), min_size=1, max_size=12)
BATCHES = st.lists(GROUPS, min_size=1, max_size=3)


class Shop:
    """A warehouse and a ledger in a folder that goes away."""

    def __init__(self, folder: Path, rules: IdentityRules = IdentityRules()) -> None:  # noqa: B008 - frozen
        self.warehouse = Warehouse(folder / "facts", threads=1)
        self.ledger = open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}")
        self.rules, self.batches = rules, 0

    def take(self, groups: list[list[str]], name: str | None = None) -> Relinked:
        """Link what the records of one file name together."""
        self.batches += 1
        now = next_instant(self.warehouse, AT)
        edges = record_edges(groups, source="shop", now=now)
        return self.relink(keep_edges(self.warehouse, edges, part=name or f"shop/{self.batches}"), now)

    def match(self, *pairs: tuple[str, str, float]) -> Relinked:
        """Link pairs that matching found."""
        self.batches += 1
        now = next_instant(self.warehouse, AT)
        keys = [(min(a, b), max(a, b)) for a, b, _ in pairs]
        edges = edge_table(keys, told_by=MATCH, source="matching", now=now, weights=[w for *_, w in pairs])
        return self.relink(keep_edges(self.warehouse, edges, part=f"match/{self.batches}"), now)

    def decide(self, one: str, other: str, *, together: bool) -> Relinked:
        """Somebody says that two keys are one person's, or never are."""
        with self.ledger.begin() as session:
            decide(session, one, other, together=together, by="anna", why="asked them", now=AT)
        return self.relink(pa.array([one, other]), AT)

    def relink(self, touched: pa.Array, now: datetime) -> Relinked:
        """Compute the profiles of some keys anew."""
        return relink(
            self.warehouse, self.ledger, touched, decided=decided(self.ledger), rules=self.rules, now=now
        )

    def state(self) -> dict[str, tuple[str, datetime]]:
        """Key → profile and instant. A key stands there once."""
        rows = self.warehouse.arrow(self.warehouse.table("link")).to_pylist()
        found = {row["key"]: (row["profile_id"], row["linked_at"]) for row in rows}
        assert len(found) == len(rows), "a key stands in one row"
        return found

    def people(self) -> set[frozenset[str]]:
        """The keys of each profile."""
        by_profile: dict[str, set[str]] = {}
        for key, (profile, _at) in self.state().items():
            by_profile.setdefault(profile, set()).add(key)
        return {frozenset(keys) for keys in by_profile.values()}

    def profile(self, key: str) -> str:
        """The profile of a key."""
        return self.state()[key][0]

    def close(self) -> None:
        """Let both go."""
        self.warehouse.close()
        self.ledger.kw["bind"].dispose()


@pytest.fixture
def shops() -> Iterator[Callable[..., Shop]]:
    """Makes shops, each in a folder of its own."""
    opened: list[tuple[Shop, TemporaryDirectory[str]]] = []

    def make(**limits: int) -> Shop:
        folder = TemporaryDirectory()
        opened.append((Shop(Path(folder.name), IdentityRules(**limits)), folder))
        return opened[-1][0]

    yield make
    for shop, folder in opened:
        shop.close()
        folder.cleanup()


def components(groups: list[list[str]]) -> set[frozenset[str]]:
    """The oracle: keys that records name together, and through each other."""
    found: list[set[str]] = []
    for keys in groups:
        touched = [c for c in found if c & set(keys)]
        found = [c for c in found if c not in touched] + [set(keys).union(*touched)]
    return {frozenset(c) for c in found}


def people_of(groups: list[list[str]]) -> set[frozenset[str]]:
    """The keys of each profile, all records at once."""
    edges = record_edges(groups, source="shop", now=AT)
    keys = sorted({key for keys in groups for key in keys})
    seen = pa.table({"key": keys, "linked_at": pa.array([AT] * len(keys), pa.timestamp("us"))})
    found = partition(seen, edges, decided=Decided(), rules=IdentityRules()).table
    by_profile: dict[str, set[str]] = {}
    for key, profile in zip(found["key"].to_pylist(), found["profile_id"].to_pylist(), strict=True):
        by_profile.setdefault(profile, set()).add(key)
    return {frozenset(keys) for keys in by_profile.values()}


@given(GROUPS, st.randoms())
def test_people_are_connected_components_in_any_order(groups: list[list[str]], random: Random) -> None:
    mixed = [random.sample(keys, len(keys)) for keys in random.sample(groups, len(groups))]
    assert people_of(groups) == people_of(mixed) == components(groups)


@settings(max_examples=5)
@given(BATCHES)
def test_batch_after_batch_finds_the_same_people(batches: list[list[list[str]]]) -> None:
    with TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        for groups in batches:
            shop.take(groups)
        assert shop.people() == components([keys for groups in batches for keys in groups])
        shop.close()


@settings(max_examples=5)
@given(BATCHES)
def test_ids_stay_and_each_merge_is_logged_once(batches: list[list[list[str]]]) -> None:
    with TemporaryDirectory() as folder:
        shop, before = Shop(Path(folder)), {}
        for groups in batches:
            told = shop.take(groups)
            after = shop.state()
            assert told.new == len(after) - len(before)
            named = {profile for profile, _at in before.values()}
            log = {m.newer: m.older for m in merges_into(shop.warehouse)}
            for key, (profile, at) in before.items():
                now, linked_at = after[key]
                assert linked_at == at
                assert now == log.get(profile, profile) or log[profile] in log, "an id changes only by a merge"
                assert now in named, "the older id survives"
            before = after
        gone = [m.newer for m in merges_into(shop.warehouse)]
        assert len(gone) == len(set(gone))
        again = shop.take(batches[-1], name=f"shop/{len(batches)}")
        assert (again.new, again.moved, shop.state()) == (0, 0, before)
        shop.close()


@settings(max_examples=6)
@given(GROUPS, GROUPS, st.data())
def test_unmerge_restores_the_state(first: list[list[str]], later: list[list[str]], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.take(first)
        ids = sorted({profile for profile, _at in shop.state().values()})
        one, other = data.draw(st.sampled_from(ids)), data.draw(st.sampled_from(ids))
        keys = {p: min(k for k, (q, _at) in shop.state().items() if q == p) for p in (one, other)}
        before = shop.state()
        if one != other:
            shop.decide(keys[one], keys[other], together=True)
            assert shop.profile(keys[one]) == shop.profile(keys[other])
            shop.decide(keys[one], keys[other], together=False)
            assert shop.state() == before
            shop.take(later)
            assert shop.profile(keys[one]) != shop.profile(keys[other]), "never again, whatever records say"
        shop.close()


def test_unmerge_of_what_matching_joined_keeps_what_came_since(shops: Callable[..., Shop]) -> None:
    shop = shops()
    shop.take([["user:01", "email:01", "phone:01"], ["user:02", "email:02"]])
    before = shop.state()
    older, newer = sorted({p for p, _at in before.values()}, key=lambda p: p != shop.profile("user:01"))
    shop.match(("user:01", "user:02", 9.0), ("email:01", "email:02", 7.0))
    assert len(shop.people()) == 1
    shop.take([["user:02", "anon:07"]])
    merge = merge_named(shop.warehouse, shop.profile("user:02"))
    assert (merge.newer, merge.older, merge.told_by, merge.weight) == (newer, older, MATCH, 9.0)
    shop.decide(merge.key_a, merge.key_b, together=False)
    state = shop.state()
    assert {k: v for k, v in state.items() if k in before} == before
    assert state["anon:07"][0] == newer, "what came in between goes with the key it came with"
    shop.take([["user:01", "anon:09"]])
    assert len(shop.people()) == 2


def test_unmerge_of_records_keeps_the_older_together(shops: Callable[..., Shop]) -> None:
    shop = shops()
    shop.take([["user:01", "email:01", "phone:01"]])
    shop.take([["user:02", "email:02"]])
    before = shop.state()
    shop.take([["user:02", "email:01"], ["user:02", "phone:01"]])
    (merge,) = merges_into(shop.warehouse)
    shop.decide(merge.key_a, merge.key_b, together=False)
    assert shop.state() == before


def test_500_people_who_share_one_address_stay_500(shops: Callable[..., Shop]) -> None:
    shop = shops()
    people = [[f"user:{n:03x}", "email:aa", f"phone:{n:03x}"] for n in range(500)]
    early = shop.take(people[:8])
    assert len(shop.people()) == 1, "eight may be one who registers again"
    first = shop.profile("user:000")
    told = shop.take(people[8:])
    assert not early.refused
    assert [(r.key_a, r.reason, r.sharers) for r in told.refused] == [("email:aa", SHARED, 500)]
    assert len(shop.people()) == 501, "each with a phone; the shared address stands alone"
    assert shop.profile("user:000") == first, "the eight part again, the first keeps the id"
    assert len(merges_into(shop.warehouse)) == 0
    again = shop.take([["user:1ff", "email:aa"]])
    assert (again.moved, len(shop.people())) == (0, 502)


def test_a_shared_key_counts_the_same_in_any_order(shops: Callable[..., Shop]) -> None:
    groups = [[f"user:{n:03x}", "anon:aa"] for n in range(30)] + [
        ["user:001", "email:01"],
        ["user:002", "email:01"],
    ]
    found = []
    for seed in range(3):
        shop = shops()
        mixed = Random(seed).sample(groups, len(groups))
        for start in range(0, len(mixed), 7 + seed):
            shop.take(mixed[start : start + 7 + seed])
        found.append(shop.people())
    assert found[0] == found[1] == found[2]
    assert frozenset({"user:001", "user:002", "email:01"}) in found[0]


def test_giants_are_refused_the_strongest_links_first(shops: Callable[..., Shop]) -> None:
    shop = shops(most_per_profile=3)
    shop.take([[f"user:{n:02x}"] for n in range(5)])
    chain = [(f"user:{n:02x}", f"user:{n + 1:02x}", 10.0 + n) for n in range(4)]
    told = shop.match(*chain)
    assert shop.people() == {
        frozenset({"user:02", "user:03", "user:04"}),
        frozenset({"user:00", "user:01"}),
    }
    assert [(r.key_a, r.key_b, r.reason) for r in told.refused] == [("user:01", "user:02", CROWDED)]
    shop.rules = IdentityRules(most_per_profile=9)
    shop.relink(pa.array([], pa.string()), AT)
    assert len(shop.people()) == 1, "another limit: everything is computed anew"


def test_a_file_read_anew_takes_its_mistaken_links_back(shops: Callable[..., Shop]) -> None:
    shop = shops()
    shop.take([["user:01"], ["user:02"]])
    before = shop.state()
    shop.take([["user:01", "anon:01"], ["user:02", "anon:01"]], name="shop/wrong")
    assert len(shop.people()) == 1
    shop.take([["user:01", "anon:01"]], name="shop/wrong")
    assert {k: v for k, v in shop.state().items() if k in before} == before


def test_links_stopped_halfway_are_computed_anew(shops: Callable[..., Shop]) -> None:
    shop = shops()
    for batch in ([["user:01", "email:01"]], [["user:02", "email:02"]]):
        shop.take(batch)
    wanted = shop.state()
    shop.warehouse.drop("link", part="all")
    with shop.ledger.begin() as session:
        session.connection().exec_driver_sql("UPDATE derived SET inputs = '' WHERE part = 'link'")
    shop.relink(pa.array([], pa.string()), AT)
    assert shop.state() == wanted, "edges are the truth"


def test_a_large_link_fact_in_many_parts_says_the_same(shops: Callable[..., Shop]) -> None:
    random = Random(4)
    keys = [f"{kind}:{n:02x}" for kind in ("user", "email", "anon") for n in range(40)]
    batches = [[random.sample(keys, 2) for _ in range(6)] for _ in range(8)]
    small, many = shops(), shops(one_file=10)
    for groups in batches:
        small.take(groups)
        many.take(groups)
        assert many.state() == small.state()
    assert len(many.warehouse.parts("link")) > 4
    assert small.warehouse.parts("link") == ["all"]


def test_resolve_loses_and_doubles_nothing(shops: Callable[..., Shop]) -> None:
    shop = shops()
    shop.take([["user:1", "anon:1"]])
    rows = ibis.memtable(pa.table({"person_key": ["user:1", "anon:1", None, "user:9"], "x": [1, 2, 3, 4]}))
    found = shop.warehouse.arrow(resolve(rows, shop.warehouse.table("link")).order_by("x")).to_pylist()
    assert [r["x"] for r in found] == [1, 2, 3, 4]
    assert found[0]["profile_id"] == found[1]["profile_id"] is not None
    assert [r["profile_id"] for r in found[2:]] == [None, None]
    assert "linked_key" not in found[0]


def test_partition_places_only_the_keys_it_is_asked_for() -> None:
    seen = pa.table({"key": ["user:01"], "linked_at": pa.array([AT], pa.timestamp("us"))})
    edges = record_edges([["user:01", "email:01"]], source="s", now=AT + timedelta(days=1))
    found = partition(seen, edges, decided=Decided(), rules=IdentityRules())
    assert found.table["key"].to_pylist() == ["user:01"]
    assert EDGES == "identity_edge"
