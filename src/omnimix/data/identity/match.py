"""Who is the same person without a common key: new records compared with each other and with everybody before.

in   the vault's details, sealed since the last time; the link fact; a model
out  match edges and links; pairs for review; an index of blocks, so that next time only what is new is compared

The index keeps, for each record, marks of the values that pairs are looked for by: keyed hashes, nothing in the
clear. A new record's marks lead to the few records it may belong to; these alone are opened.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import log2

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.core.hashing import digest
from omnimix.data.identity.decisions import decided
from omnimix.data.identity.edges import MATCH, edge_table, strength
from omnimix.data.identity.fields import LOOSE_UNTIL
from omnimix.data.identity.index import BlockIndex
from omnimix.data.identity.links import Added, Relinked, keep_edges, next_instant, relink
from omnimix.data.identity.matching import Matching
from omnimix.data.identity.model import SHIPPED, MatchModel
from omnimix.data.identity.review import crowded, queue_refused, queue_unsure
from omnimix.data.identity.rules import IdentityRules
from omnimix.data.rows import DerivedRow
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.marks import Marks
from omnimix.governance.vault import Vault
from omnimix.store.ledger import Ledger
from omnimix.store.warehouse import Warehouse

TERMS = "identity_term"  # private fact
_MARK, _VERSION = "match", 1
Progress = Callable[[str], None]
_ANY = datetime(1970, 1, 1)  # noqa: DTZ001 - of no edge at all


@dataclass(frozen=True, slots=True)
class Stores:
    """Where matching reads and writes."""

    warehouse: Warehouse
    ledger: Ledger
    vault: Vault
    key: WorkspaceKey


@dataclass(frozen=True, slots=True)
class Matched:
    """What a matching run did. `records` are new; `pairs` were compared, and are linked, in review or apart."""

    records: int = 0
    pairs: int = 0
    linked: int = 0
    in_review: int = 0
    merges: int = 0
    refused: int = 0  # links that limits or people's decisions did not let through
    trained_on: int = 0


def weight_of(probability: float) -> float:
    """Match weight: log2 of the odds."""
    return log2(probability / (1 - probability))


def match(
    stores: Stores,
    model: MatchModel | None,
    *,
    rules: IdentityRules,
    now: datetime,
    progress: Progress,
    fresh: bool = False,
) -> tuple[Matched, MatchModel | None]:
    """Compare what is new since the last run. Returns what came of it and the model in use.

    A model is trained as soon as `train_from` records are there. `fresh`: everything is forgotten that matching
    found before, a model is trained, and everybody is compared.
    """
    index = BlockIndex(stores.warehouse.root.parent / "match")
    with Matching(memory=rules.memory) as people:
        stamp = digest([_VERSION, people.version])[:16]
        after = _reached(stores.ledger, stamp)
        if stores.vault.newest() <= after and not fresh:
            return Matched(), model
        if fresh or after == 0 or model is None or not model.trained_on:
            after, model = 0, None
            index.clear()
        progress("matching: open what is new")
        new = people.tell(stores.vault.details(after=after))
        people.normalise()
        last = max([after, *(row[0] for row in people.rows("SELECT max(record) FROM people") if row[0])])
        if model is None:
            progress(f"matching: train on {new:,} records")
            model = people.train() if new >= rules.train_from else SHIPPED
            stores.warehouse.write(TERMS, _marked(people.terms(), "term", stores.key))
        progress("matching: look for pairs")
        blocks = _marked(people.blocks(loose=last <= LOOSE_UNTIL), "block", stores.key)
        compared = _pairs(stores, people, blocks, index, rules)
        progress(f"matching: compare {compared:,} pairs")
        found = _scored(stores, people, model, rules)
        progress("matching: link")
        result = _link(stores, people, found, rules, now, part=f"match/{after:012d}", fresh=fresh)
        index.keep(blocks["block"].to_numpy(), blocks["record"].to_numpy(), part=after)
        with stores.ledger.begin() as session:
            session.merge(DerivedRow(part=_MARK, inputs=f"{stamp}:{last}"))
    return replace(result, records=new, pairs=compared, trained_on=model.trained_on), model


def _reached(ledger: Ledger, stamp: str) -> int:
    """The number of the last record that was compared, if the index is of this engine; else 0."""
    with ledger() as session:
        row = session.get(DerivedRow, _MARK)
    known, _, number = (row.inputs if row else "").partition(":")
    return int(number) if known == stamp else 0


def _marked(rows: pa.Table, column: str, key: WorkspaceKey) -> pa.Table:
    marks = Marks(key, "match").of(rows[column].to_numpy().astype(np.uint64))
    return rows.set_column(rows.schema.get_field_index(column), column, pa.array(marks, pa.uint64()))


def _pairs(stores: Stores, people: Matching, blocks: pa.Table, index: BlockIndex, rules: IdentityRules) -> int:
    """Make the table `pairs` (one, other) of records to be compared, and open the older ones. Returns how many."""
    people.register("new_blocks", blocks)
    marks, records = index.find(blocks["block"].to_numpy())
    people.register("old_blocks", pa.table({"block": marks, "record": records}))
    people.run(
        "CREATE TABLE met AS SELECT block, record, true AS new FROM new_blocks"
        " UNION ALL SELECT block, record, false FROM old_blocks"
    )
    fitting = f"SELECT block FROM met GROUP BY block HAVING count(*) BETWEEN 2 AND {rules.most_per_block}"
    people.run(
        f"CREATE TABLE pairs AS SELECT DISTINCT l.record AS one, r.record AS other"
        f" FROM met AS l JOIN met AS r ON l.block = r.block AND l.record < r.record AND (l.new OR r.new)"
        f" WHERE l.block IN ({fitting})"
    )
    people.run("DROP TABLE met")
    older = people.rows("SELECT DISTINCT one FROM pairs WHERE one NOT IN (SELECT record FROM people)")
    if older:
        people.tell(stores.vault.details(numbers=[row[0] for row in older]))
        people.add()
    _leave_out_known(stores.warehouse, people)
    return int(people.rows("SELECT count(*) FROM pairs")[0][0])


def _leave_out_known(warehouse: Warehouse, people: Matching) -> None:
    """Take out pairs of records of one profile, and of records that are no longer in the vault."""
    owners = ibis.memtable(people.arrow("SELECT DISTINCT owner AS key FROM people"))
    links = warehouse.table("link")
    people.register("linked", warehouse.arrow(links.semi_join(owners, "key").select("key", "profile_id")))
    whose = "SELECT record, owner, profile_id FROM people LEFT JOIN linked ON owner = key"
    people.run(f"CREATE TABLE whose AS {whose}")
    people.run(
        "CREATE OR REPLACE TABLE pairs AS SELECT one, other FROM pairs"
        " JOIN whose AS l ON l.record = one JOIN whose AS r ON r.record = other"
        " WHERE l.owner != r.owner AND (l.profile_id IS NULL OR l.profile_id IS DISTINCT FROM r.profile_id)"
    )


def load_terms(stores: Stores, people: Matching) -> None:
    """Make the table `terms` of common values: those of the people here whose marks are among the kept ones."""
    people.run("CREATE TABLE terms (field VARCHAR, term UBIGINT, share DOUBLE)")
    if stores.warehouse.parts(TERMS):
        known = stores.warehouse.arrow(stores.warehouse.table(TERMS))
        here = people.hashes()
        marks = _marked(here, "term", stores.key).rename_columns(["field", "mark"])
        people.register("kept_terms", known)
        people.register("marked_terms", marks.append_column("term", here["term"]))
        people.run(
            "INSERT INTO terms SELECT m.field, m.term, k.share FROM marked_terms AS m"
            " JOIN kept_terms AS k ON k.field = m.field AND k.term = m.mark"
        )


def _scored(stores: Stores, people: Matching, model: MatchModel, rules: IdentityRules) -> pa.Table:
    """Pairs of person keys at or above the review threshold: key_a, key_b, weight, the surest first."""
    load_terms(stores, people)
    people.register("scores", people.weights(model, "pairs", "terms", least=weight_of(rules.review)))
    return people.arrow(
        "SELECT least(l.owner, r.owner) AS key_a, greatest(l.owner, r.owner) AS key_b, max(match_weight) AS weight"
        " FROM scores JOIN people AS l ON l.record = record_l JOIN people AS r ON r.record = record_r"
        " GROUP BY ALL ORDER BY weight DESC, key_a, key_b"
    )


def _link(
    stores: Stores,
    people: Matching,
    found: pa.Table,
    rules: IdentityRules,
    now: datetime,
    *,
    part: str,
    fresh: bool,
) -> Matched:
    """Keep the edges of sure pairs, compute links, queue the pairs in doubt."""
    warehouse, known = stores.warehouse, decided(stores.ledger)
    told = [(a, b) not in known.apart and (a, b) not in known.together for a, b in _keys(found)]
    found = found.filter(pa.array(told, pa.bool_()))
    sure = pc.greater_equal(found["weight"], weight_of(rules.link))
    linked, unsure = found.filter(sure), found.filter(pc.invert(sure))
    at = next_instant(warehouse, now)
    touched, added = [_forget_matches(warehouse)] if fresh else [], None
    if linked.num_rows:
        weights = linked["weight"].to_pylist()
        edges = edge_table(_keys(linked), told_by=MATCH, source="matching", now=at, weights=weights)
        touched.append(keep_edges(warehouse, edges, part=part))
        sure_keys = all(strength(key) == 0 for pair in _keys(linked) for key in pair)
        if sure_keys and not fresh and not crowded(stores.ledger):
            people.register("joined", linked)
            both = "SELECT key_a FROM joined UNION ALL SELECT key_b FROM joined"
            theirs = people.arrow(f"SELECT DISTINCT profile_id FROM linked WHERE key IN ({both})")
            added = Added(edges, theirs["profile_id"].combine_chunks())
    result = Relinked()
    if touched:
        keys = pa.concat_arrays(touched).unique()
        result = relink(warehouse, stores.ledger, keys, decided=known, rules=rules, now=at, added=added)
    queue_refused(stores.ledger, result.refused, now=now)
    doubts = [(a, b, w) for (a, b), w in zip(_keys(unsure), unsure["weight"].to_pylist(), strict=True)]
    queue_unsure(stores.ledger, doubts, now=now)
    return Matched(
        linked=linked.num_rows, in_review=len(doubts), merges=result.merges, refused=len(result.refused)
    )


def _keys(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(rows["key_a"].to_pylist(), rows["key_b"].to_pylist(), strict=True))


def _forget_matches(warehouse: Warehouse) -> pa.Array:
    """Take all match edges away. Returns the keys they joined."""
    keys = [pa.array([], pa.string())]
    for part in [p for p in warehouse.parts("identity_edge") if p.startswith("match/")]:
        keys.append(keep_edges(warehouse, edge_table([], told_by=MATCH, source="matching", now=_ANY), part=part))
        warehouse.drop("identity_edge", part=part)
    return pa.concat_arrays(keys)
