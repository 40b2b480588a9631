"""The link fact kept in step with the edges: only the profiles that new edges touch are computed again.

in   edges kept or taken away, decisions, limits
out  the link fact (key → profile), a log of merges, the edges that were refused

The link fact is computed from edges and can be at any time. A mark in the ledger says under which limits it
stands; it is taken away while links are written, so that after a crash everything is computed anew.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _
from ibis.expr.types import Table

from omnimix.core.hashing import digest
from omnimix.data.identity.edges import EDGE, EDGES, PERSON
from omnimix.data.identity.link_parts import write_links
from omnimix.data.identity.merges import merges_of, write_merges
from omnimix.data.identity.partition import Decided, Partition, Refused, partition, shared_keys_of
from omnimix.data.identity.rules import IdentityRules
from omnimix.data.rows import DerivedRow
from omnimix.store.ledger import Ledger
from omnimix.store.warehouse import Warehouse

_MARK, _VERSION = "link", 1


@dataclass(frozen=True, slots=True)
class Relinked:
    """What changed: keys seen for the first time, keys whose profile changed, profiles that became one."""

    new: int = 0
    moved: int = 0
    merges: int = 0
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """Edges that came, and the profiles of their keys."""

    edges: pa.Table
    profiles: pa.Array


def next_instant(warehouse: Warehouse, now: datetime) -> datetime:
    """`now`, or the microsecond after the newest link: a later batch is later, whatever the clock says."""
    if not warehouse.parts("link"):
        return now
    newest = warehouse.arrow(warehouse.table("link").aggregate(at=_.linked_at.max()))["at"][0].as_py()
    return now if newest is None or newest < now else newest + timedelta(microseconds=1)


def keep_edges(warehouse: Warehouse, edges: pa.Table, *, part: str, add: bool = False) -> pa.Array:
    """Replace a part of the edges, or add to it. Returns the keys it touches: those of edges that come or go.

    An edge that the part had already keeps its instant.
    """
    old = warehouse.arrow(warehouse.table(EDGES, part)).cast(EDGE) if part in warehouse.parts(EDGES) else None
    if old is not None and add:
        rows = pa.concat_tables([old, edges.filter(pc.is_null(_places(edges, old)))])
        warehouse.write(EDGES, rows, part=part)
        return _together(*edges["key_a"].chunks, *edges["key_b"].chunks)
    if old is not None:
        at = pc.coalesce(old["linked_at"].take(_places(edges, old)), edges["linked_at"])
        edges = edges.set_column(EDGE.get_field_index("linked_at"), EDGE.field("linked_at"), at)
    if edges.num_rows or old is not None:
        warehouse.write(EDGES, edges, part=part)
    sides = [table[name] for table in (edges, old) if table is not None for name in ("key_a", "key_b")]
    return _together(*(chunk for side in sides for chunk in side.chunks))


def _places(edges: pa.Table, old: pa.Table) -> pa.Array:
    """Where each edge stands among the old ones."""
    names = [pc.binary_join_element_wise(t["key_a"], t["key_b"], " ") for t in (edges, old)]
    return pc.index_in(names[0], value_set=names[1])


def relink(
    warehouse: Warehouse,
    ledger: Ledger,
    touched: pa.Array,
    *,
    decided: Decided,
    rules: IdentityRules,
    now: datetime,
    added: Added | None = None,
) -> Relinked:
    """Compute the profiles of `touched` keys, and of whoever is in reach of them, anew.

    Everything is computed when limits changed, or when links were being written as the program stopped. `added`:
    all that happened is that these edges came, between known keys that cannot be shared ones.
    """
    limits = digest([_VERSION, rules.most_per_key, rules.most_per_profile])
    with ledger() as session:
        mark = session.get(DerivedRow, _MARK)
    whole = mark is None or mark.inputs != limits
    if not whole and not len(touched):
        return Relinked()
    quick = None if whole or added is None or decided.apart else _joined(warehouse, touched, added, decided, rules)
    if quick is None:
        seen, edges = _everything(warehouse) if whole else _in_reach(warehouse, touched, decided, rules)
        found = partition(seen, edges, decided=decided, rules=rules)
    else:
        seen, found = quick
    changed = _changes(seen, found)
    log = merges_of(seen, found, now=now)
    if changed.num_rows or whole:
        _set_mark(ledger, "")
        write_merges(warehouse, log, now=now)
        write_links(warehouse, changed, whole=whole, one_file=rules.one_file)
        _set_mark(ledger, limits)
    new = int(pc.sum(changed["new"]).as_py() or 0)
    return Relinked(new, changed.num_rows - new, log.num_rows, found.refused)


def _set_mark(ledger: Ledger, inputs: str) -> None:
    with ledger.begin() as session:
        session.merge(DerivedRow(part=_MARK, inputs=inputs))


def _edges(warehouse: Warehouse) -> Table:
    return warehouse.table(EDGES) if warehouse.parts(EDGES) else ibis.memtable(EDGE.empty_table())


def _everything(warehouse: Warehouse) -> tuple[pa.Table, pa.Table]:
    edges = warehouse.arrow(_edges(warehouse)).cast(EDGE)
    known = warehouse.arrow(_known(warehouse.table("link")).distinct(on="key"))
    return _with_new(known, edges), edges


def _known(links: Table) -> Table:
    return links.select("key", "profile_id", "linked_at")


def _with_new(known: pa.Table, edges: pa.Table) -> pa.Table:
    """Known keys and, with no profile yet and the instant of their first edge, those that only edges name."""
    ends = pa.concat_tables(
        pa.table({"key": edges[name], "linked_at": edges["linked_at"]}) for name in ("key_a", "key_b")
    )
    first = ends.group_by("key").aggregate([("linked_at", "min")])
    new = first.filter(pc.invert(pc.is_in(first["key"], value_set=known["key"])))
    rows = pa.table(
        {"key": new["key"], "profile_id": pa.nulls(new.num_rows, pa.string()), "linked_at": new["linked_at_min"]}
    )
    return pa.concat_tables([known.cast(_SEEN), rows.cast(_SEEN)]).combine_chunks()


_SEEN = pa.schema([("key", pa.string()), ("profile_id", pa.string()), ("linked_at", pa.timestamp("us"))])


def _joined(
    warehouse: Warehouse, touched: pa.Array, added: Added, decided: Decided, rules: IdentityRules
) -> tuple[pa.Table, Partition] | None:
    """Profiles as they stand, joined by `added` edges, no older edge looked at; None where a limit is near."""
    links, theirs = warehouse.table("link"), ibis.memtable(pa.table({"profile_id": added.profiles}))
    seen = warehouse.arrow(_known(links.semi_join(theirs, "profile_id"))).cast(_SEEN).combine_chunks()
    centres = seen.group_by("profile_id").aggregate([("key", "min")])
    centre = centres["key_min"].take(pc.index_in(seen["profile_id"], value_set=centres["profile_id"]))
    size = seen.num_rows
    standing = pa.table(
        {
            "key_a": centre,
            "key_b": seen["key"],
            "told_by": pa.array([PERSON] * size, pa.string()),  # whatever joined them
            "weight": pa.nulls(size, pa.float64()),
            "source": pa.array([""] * size, pa.string()),
            "linked_at": seen["linked_at"],
        },
        schema=EDGE,
    )
    edges = pa.concat_tables([standing, added.edges.cast(EDGE)])
    known = pc.is_in(touched, value_set=seen["key"])
    if not pc.all(known).as_py():
        return None
    half = IdentityRules(most_per_key=rules.most_per_key, most_per_profile=max(2, rules.most_per_profile // 2))
    found = partition(seen, edges, decided=decided, rules=half)
    return None if found.refused else (seen, found)


def _in_reach(
    warehouse: Warehouse, touched: pa.Array, decided: Decided, rules: IdentityRules
) -> tuple[pa.Table, pa.Table]:
    """The keys that belong to the profiles of `touched` or are joined to them, and all edges of these keys."""
    links, keys = warehouse.table("link"), touched
    while True:
        wanted = ibis.memtable(pa.table({"key": keys}))
        theirs = links.semi_join(wanted, "key").select("profile_id").distinct()
        known = warehouse.arrow(_known(links.semi_join(theirs, "profile_id")))
        keys = _together(keys, *known["key"].chunks)
        edges = _edges_of(warehouse, keys)
        beyond = _beyond(keys, edges, decided, rules)
        if not len(beyond):
            mine = _with_new(known, edges)
            return mine.filter(pc.is_in(mine["key"], value_set=keys)), edges
        keys = _together(keys, beyond)


def _edges_of(warehouse: Warehouse, keys: pa.Array) -> pa.Table:
    """All edges that name one of `keys`, in one pass over the edges."""
    edges = _edges(warehouse)
    ends = [ibis.memtable(pa.table({"end": keys}))["end"] for _side in ("a", "b")]
    mine = edges["key_a"].isin(ends[0]) | edges["key_b"].isin(ends[1])
    return warehouse.arrow(edges.filter(mine)).cast(EDGE)


def _together(*keys: pa.Array) -> pa.Array:
    return pa.chunked_array(keys, pa.string()).unique()


def _beyond(keys: pa.Array, edges: pa.Table, decided: Decided, rules: IdentityRules) -> pa.Array:
    """Keys not in `keys` that edges lead to, past no key that too many share."""
    pairs = list(decided.together)
    shared = shared_keys_of(edges, rules.most_per_key)
    stops = [pc.is_in(edges[name], value_set=shared) for name in ("key_a", "key_b")]
    passes = edges.filter(pc.invert(pc.or_(*stops)))
    ends = [*passes["key_a"].chunks, *passes["key_b"].chunks]
    if pairs:
        sides = [pa.array(side, pa.string()) for side in zip(*pairs, strict=True)]
        mine = pc.or_(*(pc.is_in(side, value_set=keys) for side in sides))
        ends += [side.filter(mine) for side in sides]
    reached = _together(*ends)
    return reached.filter(pc.invert(pc.is_in(reached, value_set=keys)))


def _changes(seen: pa.Table, found: Partition) -> pa.Table:
    """Rows of the link fact that are `new` or have another profile."""
    order = pc.index_in(seen["key"], value_set=found.table["key"])
    before, after = seen["profile_id"], found.table["profile_id"].take(order)
    rows = pa.table(
        {
            "key": seen["key"],
            "kind": pc.list_element(pc.split_pattern(seen["key"], ":"), 0),
            "profile_id": after,
            "linked_at": seen["linked_at"],
            "new": pc.is_null(before),
        }
    )
    return rows.filter(pc.fill_null(pc.not_equal(before, after), True))
