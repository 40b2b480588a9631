"""One file taken in: read, checked, pseudonymised, deduplicated, and kept, safe against a crash at any step.

in   a Shape, a file's batches, what is known so far
out  parts of facts, links, vault entries, quarantine rows, and last of all the ledger's row of the file

Order matters: identifiers are sealed and linked before a fact refers to them, and the ledger's row comes last.
Whatever a crash leaves behind is written again, the same, by the next run.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import Table

from omnimix.data.canon.answers import answer_rows
from omnimix.data.canon.events import event_rows
from omnimix.data.canon.orders import order_rows
from omnimix.data.canon.people import Met, consent_rows, people_rows, subscription_rows, trait_rows
from omnimix.data.canon.table import LINE, SUFFIX, Rows, Whole, column, content_ids, person_key
from omnimix.data.canon.things import is_total, product_rows, spend_rows
from omnimix.data.checked import checked
from omnimix.data.counts import Counts
from omnimix.data.daily import Daily
from omnimix.data.identity.decisions import decided
from omnimix.data.identity.edges import record_edges
from omnimix.data.identity.forget import forget_linked
from omnimix.data.identity.links import keep_edges, next_instant, relink
from omnimix.data.identity.review import queue_refused
from omnimix.data.identity.rules import IdentityRules
from omnimix.data.quarantine import Rejected
from omnimix.data.source.batch import EXTRA, Batch, Batches, Record, from_records
from omnimix.data.source.mapping import Carry, Found, Shape, canonical, locate
from omnimix.data.source.read import File
from omnimix.data.source.spec import Holds
from omnimix.data.staging import Staging
from omnimix.data.told import LINES, TOLD, replace_told
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.vault import DETAILS, Sealed, Vault
from omnimix.store.facts import SCHEMAS, widened
from omnimix.store.ledger import Ledger
from omnimix.store.warehouse import Warehouse

Progress = Callable[[str], None]  # is told each step before it is done: "orders: read export.csv"

_IDS = {"order_line": "line_id", "event": "event_id", "trait": "trait_id", "consent": "consent_id"}
# Lines that may be written twice on purpose: an invoice can list the same line twice, a report the same ad.
_REPEATABLE = {Holds.ORDERS, Holds.SPEND}


@dataclass(frozen=True, slots=True)
class Intake:
    """Where things go, and how links are decided."""

    warehouse: Warehouse
    ledger: Ledger
    vault: Vault
    pseudonyms: Pseudonyms
    row_key: bytes
    now: datetime
    progress: Progress
    identity: IdentityRules

    @property
    def staging(self) -> Path:
        """Folder for rows on their way."""
        return self.warehouse.root.parent / "staging"


@dataclass(slots=True)
class Taken:
    """What one file gave. `counts.accepted` and `.duplicates` are known once the facts are written."""

    counts: Counts = field(default_factory=Counts)
    rejected: list[Rejected] = field(default_factory=list)


def take_in(
    intake: Intake,
    form: Shape,
    file: File,
    found: Found,
    batches: Batches,
    *,
    part: str,
    pending: Collection[str] = (),
    corrected: Mapping[int, Record] | None = None,
    older: Collection[str] = (),
    daily: bool = False,
) -> Taken:
    """Take in a file's batches as `part` of its facts. `pending` parts are not yet taken in anew: lines in them
    do not count as known. `corrected` records stand in for the file's lines of those numbers. `older` parts hold
    what the file said before: its orders that are told again are taken out of them. `daily`: rows are kept by day
    under the source's name instead of as one part.
    """
    taken, met = Taken(), Met(form.source.region)
    with Staging(intake.staging) as staging:
        intake.progress(f"{form.key}: read {file.name}")
        carry = Carry(form.carried)
        for batch in _overlaid(batches, corrected or {}):
            _stage(intake, form, found, batch, carry, staging, taken, met, corrected or {})
        paths = staging.finish()
        intake.progress(f"{form.key}: seal {file.name}")
        _know(intake, form, met, part, daily)
        intake.progress(f"{form.key}: keep {file.name}")
        replace_told(intake.warehouse, paths.pop(TOLD, None), older)
        _keep(intake, form, paths, part, pending, taken, daily)
    return taken


def _overlaid(batches: Batches, corrected: Mapping[int, Record]) -> Iterator[Batch]:
    """The file's batches without corrected lines, and one more with the corrections."""
    for batch in batches:
        out = np.isin(batch.lines, list(corrected)) if corrected else np.zeros(0, dtype=np.bool_)
        if not out.any():
            yield batch
            continue
        place = np.cumsum(~out) - 1
        broken = {int(place[p]): b for p, b in batch.broken.items() if not out[p]}
        yield Batch(batch.table.filter(pa.array(~out)), batch.lines[~out], broken, batch.ignored)
    if corrected:
        lines = sorted(corrected)
        yield from_records([corrected[line] for line in lines], lines, {})


def _stage(
    intake: Intake,
    form: Shape,
    found: Found,
    batch: Batch,
    carry: Carry,
    staging: Staging,
    taken: Taken,
    met: Met,
    corrected: Mapping[int, Record],
) -> None:
    if found.open_ended:
        found = locate(form, batch.table.column_names, where=form.key, open_ended=True)
    text = carry.fill(canonical(form, found, batch.table))
    whole = np.ones(len(batch.lines), dtype=np.bool_)
    whole[list(batch.broken)] = False
    left_out = _left_out(form, text) & whole
    result = checked(form, text, pseudonyms=intake.pseudonyms, now=intake.now)
    faults: dict[int, list[tuple[str, str | None, str]]] = defaultdict(list)
    for position, broken in batch.broken.items():
        faults[position].append(("(record)", broken.record.get(EXTRA), broken.reason))
    for fault in result.faults:
        if whole[fault.position] and not left_out[fault.position]:
            faults[fault.position].append((fault.field, fault.value, fault.reason))
    good = whole & ~left_out
    good[list(faults)] = False
    for position in sorted(faults):
        line = int(batch.lines[position])
        record = batch.broken[position].record if position in batch.broken else _record(batch.table, position)
        record = _with_carried(form, found, text, position, record)
        taken.rejected.append(Rejected(line, record, tuple(faults[position]), line in corrected))
    typed, lines = result.table.filter(pa.array(good)), batch.lines[good]
    ignored = int(left_out.sum()) + batch.ignored
    ignored += _stage_good(intake, form, typed, lines, staging, met) if len(lines) else 0
    taken.counts += Counts(lines_read=len(batch.lines) + batch.ignored, rejected=len(faults), ignored=ignored)


def _left_out(form: Shape, text: pa.Table) -> np.ndarray:
    if form.holds is Holds.SPEND:
        return is_total(text)
    return np.zeros(text.num_rows, dtype=np.bool_)


def _with_carried(form: Shape, found: Found, text: pa.Table, position: int, record: Record) -> Record:
    """The record with what it took over from its order's first line, so that it can be tried again by itself."""
    for name in form.carried:
        value, (theirs, *_) = text[name][position].as_py(), found.columns.get(name, (name,))
        if value is not None and not (record.get(theirs) or "").strip():
            record = {**record, theirs: value}
    return record


def _record(table: pa.Table, position: int) -> Record:
    (row,) = table.slice(position, 1).to_pylist()
    return {name: value for name, value in row.items() if value is not None}


def _stage_good(intake: Intake, form: Shape, typed: pa.Table, lines: Whole, staging: Staging, met: Met) -> int:
    """Stage the facts of good rows; returns how many of them are rightly none."""
    rows = _rows(form, typed, lines, intake.now)
    ids = content_ids(rows.identity, key=intake.row_key, prefix=f"{form.holds[:2]}_")
    given = rows.ids.to_pylist() if rows.ids is not None else []
    kept = np.ones(len(lines), dtype=np.bool_)
    kept[np.flatnonzero(rows.ignored)] = False
    known = np.ones(len(lines), dtype=np.bool_)
    if form.holds not in (Holds.PRODUCTS, Holds.SPEND):
        known = np.asarray(person_key(typed).is_valid())
        met.add(typed.filter(pa.array(kept)))
    base = pa.array([g or i for g, i in zip(given, ids, strict=True)] if given else ids, pa.string())
    told = pa.table({"base": base, LINE: pa.array(lines), "known": pa.array(known)})
    staging.add(LINES, told.filter(pa.array(kept)))
    if form.holds is Holds.ORDERS:
        staging.add(TOLD, pa.table({"order_id": column(typed, "order_id")}))
    for fact, table in rows.facts.items():
        stays = np.isin(column(table, LINE).to_numpy(), lines[kept]) if not kept.all() else None
        staging.add(fact, table if stays is None else table.filter(pa.array(stays)))
    return int((~kept).sum())


def _rows(form: Shape, typed: pa.Table, lines: Whole, now: datetime) -> Rows:
    if form.holds in (Holds.ORDERS, Holds.EVENTS):
        rows = (order_rows if form.holds is Holds.ORDERS else event_rows)(form, typed, lines)
        at = column(typed, "occurred_at")
        answers = [*consent_rows(form, typed, lines, at), *subscription_rows(form, typed, lines, at)]
        answers += answer_rows(form, typed, lines) if form.holds is Holds.EVENTS else []
        told = trait_rows(form, typed, lines, at)
        more = {"consent": pa.concat_tables(answers, promote_options="default")} if answers else {}
        return replace(rows, facts={**rows.facts, **more, **({"trait": told} if told is not None else {})})
    if form.holds is Holds.PRODUCTS:
        return product_rows(form, typed, lines, now=now)
    if form.holds is Holds.SPEND:
        return spend_rows(form, typed, lines, now=now)
    return people_rows(form, typed, lines, now=now)


def _know(intake: Intake, form: Shape, met: Met, part: str, daily: bool) -> None:
    """Link the keys a file names together, then seal what is personal."""
    warehouse = intake.warehouse
    at = next_instant(warehouse, intake.now)
    edges = record_edges(met.groups, source=form.key, now=at)
    place = f"{form.key}/{at:%Y-%m-%d}" if daily else part
    touched = keep_edges(warehouse, edges, part=place, add=daily)
    intake.progress(f"{form.key}: link people")
    known = decided(intake.ledger)
    linked = relink(warehouse, intake.ledger, touched, decided=known, rules=intake.identity, now=at)
    queue_refused(intake.ledger, linked.refused, now=intake.now)
    forget_linked(warehouse, intake.vault, now=intake.now)
    intake.vault.seal(_sealed(met))


def _sealed(met: Met) -> Iterator[Sealed]:
    for key, (kind, value) in met.plain.items():
        yield Sealed(key, kind, value)
    for key, values in met.details:
        yield Sealed(key, DETAILS, values)


def _keep(
    intake: Intake,
    form: Shape,
    paths: Mapping[str, str],
    part: str,
    pending: Collection[str],
    taken: Taken,
    daily: bool,
) -> None:
    """Write the file's part of each fact: lines known from elsewhere are duplicates and stay out."""
    warehouse = intake.warehouse
    if LINES not in paths:
        for fact in (*_IDS, "declared_product", "reported_spend", LINES):
            warehouse.drop(fact, part=part)
        return
    staged = warehouse.connection.read_parquet(paths[LINES])
    others = [p for p in warehouse.parts(LINES) if p != part and p not in pending]
    if form.holds is not Holds.EVENTS:  # message ids are known across sources, anything else within its own
        others = [p for p in others if p.startswith(f"{form.key}/")]
    counted = warehouse.materialise(_counted(form, staged, part, others, warehouse))
    for fact in (*_IDS, "declared_product", "reported_spend"):
        if fact not in paths:
            warehouse.drop(fact, part=part)
            continue
        rows = warehouse.connection.read_parquet(paths[fact]).inner_join(counted, LINE)
        named = rows.mutate(**{_IDS.get(fact, "row_id"): rows["row_id"] + rows[SUFFIX]})
        intake.progress(f"{form.key}: write {fact}")
        kept = widened(named, SCHEMAS[fact]) if fact in SCHEMAS else named
        if daily:
            Daily(warehouse, form.key).add(fact, kept, key=_IDS[fact])
        else:
            warehouse.write(fact, kept, part=part)
    intake.progress(f"{form.key}: write {LINES}")
    accepted = warehouse.write(LINES, counted.select("row_id", LINE, "known"), part=part)
    unidentified = warehouse.arrow(counted.filter(~counted["known"]).count().as_table()).column(0)[0].as_py()
    counts = taken.counts
    staged_lines = counts.lines_read - counts.rejected - counts.ignored
    taken.counts += Counts(accepted=accepted, duplicates=staged_lines - accepted, unidentified=int(unidentified))


def _counted(form: Shape, staged: Table, part: str, others: list[str], warehouse: Warehouse) -> Table:
    """Lines that count: row_id, line, known. A repeatable line's second occurrence in one file is `<id>.2`."""
    same = ibis.window(group_by="base", order_by=LINE)
    numbered = staged.mutate(place=ibis.row_number().over(same))
    if form.holds in _REPEATABLE:
        numbered = _after_earlier(numbered, part, others, warehouse)
        again = numbered["base"] + "." + (numbered["place"] + 1).cast("string")
        lines = numbered.mutate(row_id=(numbered["place"] == 0).ifelse(numbered["base"], again))
    else:
        lines = numbered.filter(numbered["place"] == 0).mutate(row_id=numbered["base"])
    if not others:
        return lines
    known = warehouse.table(LINES, others).select("row_id")
    return lines.anti_join(known, "row_id")


def _after_earlier(numbered: Table, part: str, others: list[str], warehouse: Warehouse) -> Table:
    """A replayed line is one more occurrence in its own file: count on from what the file has already."""
    whole = part.partition("+")[0]
    own = [p for p in others if "+" in part and p.partition("+")[0] == whole]
    if not own:
        return numbered
    rows = warehouse.table(LINES, own)
    before = rows.select(base=rows["row_id"].split(".")[0]).group_by("base").aggregate(before=ibis._.count())
    joined = numbered.left_join(before, "base")
    return joined.mutate(place=joined["place"] + joined["before"].fill_null(0)).drop("before", "base_right")
