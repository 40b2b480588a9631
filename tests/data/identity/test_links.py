"""Identity: the same people whatever the order, profile ids that stay, no row lost or doubled."""

from datetime import datetime

import ibis
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from omnimix.data.identity.links import Links, links_from
from omnimix.data.identity.resolve import resolve
from omnimix.store.facts import LINK
from omnimix.store.warehouse import Warehouse

AT = datetime(2024, 1, 1)
KEYS = st.sampled_from([f"{kind}:{n}" for kind in ("user", "anon", "email") for n in range(4)])
GROUPS = st.lists(st.lists(KEYS, min_size=1, max_size=3), max_size=12)


def linked(groups: list[list[str]]) -> Links:
    links = links_from(LINK.to_pyarrow().empty_table())
    for keys in groups:
        links.join(keys, now=AT)
    return links


def people(links: Links) -> set[frozenset[str]]:
    by_profile: dict[str, set[str]] = {}
    for row in links.table().to_pylist():
        by_profile.setdefault(row["profile_id"], set()).add(row["key"])
    return {frozenset(keys) for keys in by_profile.values()}


def components(groups: list[list[str]]) -> set[frozenset[str]]:
    found: list[set[str]] = []
    for keys in groups:
        touched = [c for c in found if c & set(keys)]
        found = [c for c in found if c not in touched] + [set(keys).union(*touched)]
    return {frozenset(c) for c in found}


@given(GROUPS, st.randoms())
def test_people_are_connected_components_in_any_order(groups: list[list[str]], random: object) -> None:
    shuffled = list(groups)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert people(linked(groups)) == components(groups)
    assert people(linked(shuffled)) == components(groups)


@given(GROUPS, GROUPS)
def test_ids_stay_and_merges_keep_the_older(first: list[list[str]], later: list[list[str]]) -> None:
    links = linked(first)
    before = {row["key"]: row["profile_id"] for row in links.table().to_pylist()}
    reread = links_from(links.table())
    merges = [m for keys in later for m in reread.join(keys, now=datetime(2024, 1, 2))]
    into = {m.newer: m.older for m in merges}
    after = {row["key"]: row["profile_id"] for row in reread.table().to_pylist()}
    for key, profile in before.items():
        while profile in into:
            profile = into[profile]
        assert after[key] == profile, "an id changes only by a recorded merge"
    known = set(before.values())
    assert all(m.older in known or m.newer not in known for m in merges), "a merge keeps the older id"
    again = links_from(reread.table())
    for keys in [*first, *later]:
        assert again.join(keys, now=AT) == []
    assert not again.changed


def test_a_profile_is_named_for_its_earliest_key() -> None:
    links = linked([["anon:1"], ["user:1"]])
    first = links.profile("anon:1")
    (merge,) = links.join(["user:1", "anon:1"], now=AT)
    assert (merge.older, links.profile("user:1")) == (first, first)
    assert links.profiles == 1


def test_resolve_loses_and_doubles_nothing(warehouse: Warehouse) -> None:
    rows = ibis.memtable(pa.table({"person_key": ["user:1", "anon:1", None, "user:9"], "x": [1, 2, 3, 4]}))
    links = ibis.memtable(linked([["user:1", "anon:1"]]).table())
    found = warehouse.arrow(resolve(rows, links).order_by("x")).to_pylist()
    assert [r["x"] for r in found] == [1, 2, 3, 4]
    assert found[0]["profile_id"] == found[1]["profile_id"] is not None
    assert [r["profile_id"] for r in found[2:]] == [None, None]
    assert "linked_key" not in found[0]
