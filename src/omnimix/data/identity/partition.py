"""Who is one person: keys and edges become profiles, by a pure function of what is known.

in   keys with the instant each was first seen, edges, pairs a person told apart, limits
out  a profile for each key, and the edges that were refused, with the reason

Profiles are connected components (Tarjan, SIAM J. Computing 1(2), 1972). A profile is named for the key it has had
longest: when two profiles become one, the older id stays, and when they part again, each gets back the id it had.
Edges of a key that too many share are left out. Where a component is too large, or holds two keys that a person
told apart, its edges are taken one by one (Kruskal, Proc. AMS 7(1), 1956) and one that would break the rule is
refused: strongest first where it is too large; oldest first where keys were told apart, so that what grew together
before the mistaken link stays together.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from omnimix.core.hashing import stable_id
from omnimix.data.identity.edges import MATCH, PERSON, RECORD, STRENGTH, edge_table
from omnimix.data.identity.rules import IdentityRules

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
SHARED, CROWDED, APART = "shared key", "too many people", "told apart"
_RANK = {PERSON: 0, RECORD: 1, MATCH: 2}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - instants are naive UTC


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided: these pairs of keys are one person's, those never are. The smaller key first."""

    together: frozenset[tuple[str, str]] = frozenset()
    apart: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Refused:
    """An edge that does not link. Of a shared key: `key_b` is empty, `sharers` how many people share it."""

    key_a: str
    key_b: str
    reason: str
    sharers: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """`table`: key, profile_id, in the order of keys. `edges` are those that link."""

    table: pa.Table
    edges: pa.Table
    refused: tuple[Refused, ...]


@dataclass(slots=True)
class _Graph:
    """Edges by the place of their keys in `keys`."""

    keys: pa.Array
    kinds: Codes  # strength of each key, 0 strongest
    left: Codes
    right: Codes
    rank: Codes
    weight: npt.NDArray[np.float64]
    at: Codes  # microseconds

    def only(self, mask: Mask) -> "_Graph":
        return _Graph(
            self.keys,
            self.kinds,
            self.left[mask],
            self.right[mask],
            self.rank[mask],
            self.weight[mask],
            self.at[mask],
        )

    def components(self) -> Codes:
        size = len(self.keys)
        graph = coo_array((np.ones(len(self.left), dtype=np.int8), (self.left, self.right)), shape=(size, size))
        return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def partition(seen: pa.Table, edges: pa.Table, *, decided: Decided, rules: IdentityRules) -> Partition:
    """Profiles of the keys in `seen` (key, linked_at).

    `edges` are all of those keys; they may name keys beyond, which must be out of reach: behind a shared key or a
    pair that was told apart.
    """
    rows = _with_people(edges, decided, seen)
    sides = [_column(table, name) for table, name in ((seen, "key"), (rows, "key_a"), (rows, "key_b"))]
    keys = pa.concat_arrays(sides).unique().sort()
    graph = _graph(keys, rows)
    cut = _cut(graph, decided.apart)
    refused = [
        Refused(*_pair(graph, e), APART) for e in np.flatnonzero(cut & (graph.rank == _RANK[RECORD])).tolist()
    ]
    shared = shared_keys(graph.only(~cut), rules.most_per_key)
    refused += [Refused(keys[code].as_py(), "", SHARED, n) for code, n in sorted(shared.items())]
    sharing = np.isin(graph.left, list(shared)) | np.isin(graph.right, list(shared))
    stays = ~cut & ~(sharing & (graph.rank != _RANK[PERSON]))
    crowded = _refusals(graph, stays, decided.apart, rules.most_per_profile)
    refused += [Refused(*_pair(graph, e), reason) for e, reason in crowded.items()]
    stays[list(crowded)] = False
    labels = graph.only(stays).components()
    named = pa.table({"key": keys, "profile_id": _named(keys, labels, seen, graph.kinds)})
    mine = pc.is_in(keys, value_set=_column(seen, "key"))
    return Partition(named.filter(mine), rows.filter(pa.array(stays)), tuple(refused))


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks() if table[name].num_chunks != 1 else table[name].chunk(0)


def _with_people(edges: pa.Table, decided: Decided, seen: pa.Table) -> pa.Table:
    """Edges and, as the oldest edges, the pairs that people say are one."""
    together = sorted(decided.together)
    if not together:
        return edges
    known = [pc.is_in(pa.array(side), value_set=_column(seen, "key")) for side in zip(*together, strict=True)]
    mine = np.flatnonzero(pc.and_(*known).to_numpy(zero_copy_only=False))
    pairs = [together[place] for place in mine]
    return pa.concat_tables([edges, edge_table(pairs, told_by=PERSON, source="", now=_EPOCH)])


def _graph(keys: pa.Array, edges: pa.Table) -> _Graph:
    left, right = (
        np.asarray(pc.index_in(_column(edges, name), value_set=keys), dtype=np.int64)
        for name in ("key_a", "key_b")
    )
    rank = pc.index_in(_column(edges, "told_by"), value_set=pa.array(list(_RANK)))
    kind = pc.index_in(pc.list_element(pc.split_pattern(keys, ":"), 0), value_set=pa.array(list(STRENGTH)))
    return _Graph(
        keys=keys,
        kinds=np.asarray(pc.fill_null(kind, len(STRENGTH)), dtype=np.int64),
        left=left,
        right=right,
        rank=np.asarray(rank, dtype=np.int64),
        weight=np.asarray(pc.fill_null(_column(edges, "weight"), 0.0)),
        at=np.asarray(_column(edges, "linked_at").cast(pa.int64())),
    )


def _pair(graph: _Graph, edge: int) -> tuple[str, str]:
    return graph.keys[int(graph.left[edge])].as_py(), graph.keys[int(graph.right[edge])].as_py()


def _coded(keys: pa.Array, pairs: Iterable[tuple[str, str]]) -> list[tuple[int, int]]:
    """Pairs of places of keys, without the pairs of which a key is not here."""
    listed = sorted(pairs)
    if not listed:
        return []
    sides = [
        pc.index_in(pa.array(side, pa.string()), value_set=keys).to_pylist() for side in zip(*listed, strict=True)
    ]
    return [(a, b) for a, b in zip(*sides, strict=True) if a is not None and b is not None]


def _cut(graph: _Graph, apart: Iterable[tuple[str, str]]) -> Mask:
    """Which edges join two keys that a person told apart."""
    size = len(graph.keys) + 1
    told = np.array([a * size + b for a, b in _coded(graph.keys, apart)], dtype=np.int64)
    low, high = np.minimum(graph.left, graph.right), np.maximum(graph.left, graph.right)
    return np.isin(low * size + high, told)


def shared_keys_of(edges: pa.Table, most: int) -> pa.Array:
    """Keys among the ends of `edges` that too many share; sure for those whose edges are all here."""
    keys = pa.concat_arrays([_column(edges, "key_a"), _column(edges, "key_b")]).unique()
    shared = sorted(shared_keys(_graph(keys, edges), most))
    return keys.take(pa.array(shared, pa.int64()))


def shared_keys(graph: _Graph, most: int) -> dict[int, int]:
    """Keys that records name with more than `most` different keys of one stronger kind, and how many those are."""
    told = graph.rank == _RANK[RECORD]
    left, right = graph.left[told], graph.right[told]
    ends = np.concatenate([np.stack([left, right]), np.stack([right, left])], axis=1)
    ends = ends[:, graph.kinds[ends[1]] < graph.kinds[ends[0]]]
    ends = np.unique(ends, axis=1)  # of one key: each stronger neighbour once
    shared: dict[int, int] = {}
    for kind in range(len(STRENGTH)):
        keys, counts = np.unique(ends[0][graph.kinds[ends[1]] == kind], return_counts=True)
        for key, n in zip(keys[counts > most].tolist(), counts[counts > most].tolist(), strict=True):
            shared[key] = max(n, shared.get(key, 0))
    return shared


def _refusals(graph: _Graph, stays: Mask, apart: Iterable[tuple[str, str]], most_people: int) -> dict[int, str]:
    """Edges that may not link, where components are too large or hold keys that were told apart."""
    labels = graph.only(stays).components()
    people = np.bincount(labels[graph.kinds == 0], minlength=int(labels.max(initial=-1)) + 1)
    foes = [(a, b) for a, b in _coded(graph.keys, apart) if labels[a] == labels[b]]
    torn = sorted({int(labels[a]) for a, _ in foes})
    faulty = [*torn, *np.flatnonzero(people > most_people).tolist()]
    if not faulty:
        return {}
    edges = np.flatnonzero(stays & np.isin(labels[graph.left], faulty))
    age = np.where(np.isin(labels[graph.left[edges]], torn), graph.at[edges], 0)
    order = np.lexsort((graph.right[edges], graph.left[edges], -graph.weight[edges], graph.rank[edges], age))
    return _kruskal(graph, edges[order], foes, most_people)


def _kruskal(graph: _Graph, edges: Codes, foes: list[tuple[int, int]], most_people: int) -> dict[int, str]:
    root: dict[int, int] = {}
    users: dict[int, int] = {}
    against: dict[int, set[int]] = defaultdict(set)  # root → keys that may not join it
    members: dict[int, set[int]] = {}

    def find(key: int) -> int:
        if key not in root:
            root[key], users[key], members[key] = key, int(graph.kinds[key] == 0), {key}
        while root[key] != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for a, b in foes:
        against[a].add(b)
        against[b].add(a)
    refused: dict[int, str] = {}
    for edge in edges.tolist():
        one, other = find(int(graph.left[edge])), find(int(graph.right[edge]))
        if one == other:
            continue
        if len(members[one]) < len(members[other]):
            one, other = other, one
        if against[other] & members[one] or against[one] & members[other]:
            refused[edge] = APART
        elif users[one] + users[other] > most_people and graph.rank[edge] != _RANK[PERSON]:
            refused[edge] = CROWDED
        else:
            root[other] = one
            users[one] += users[other]
            members[one] |= members.pop(other)
            against[one] |= against.pop(other, set())
    return refused


def _named(keys: pa.Array, labels: Codes, seen: pa.Table, kinds: Codes) -> pa.Array:
    """The profile of each key: named for the member first seen, of those the strongest, of those the smallest."""
    seen_at = _column(seen, "linked_at").cast(pa.int64()).take(pc.index_in(keys, value_set=_column(seen, "key")))
    at = np.asarray(pc.fill_null(seen_at, np.iinfo(np.int64).max))
    order = np.lexsort((np.arange(len(keys)), kinds, at, labels))  # keys are sorted: a place is an order
    first = np.flatnonzero(np.diff(labels[order], prepend=-1))
    ids = pa.array([stable_id("pf", key) for key in keys.take(pa.array(order[first])).to_pylist()], pa.string())
    return ids.take(pa.array(labels)) if len(keys) else ids
