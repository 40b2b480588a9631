"""The way in: every source of a workspace taken in, and quarantined lines tried again.

in   sources, the workspace folder, stores, the workspace key
out  an IngestReport whose counts add up; facts, links, vault and quarantine, the same however often it is run
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import ibis
from sqlalchemy import select
from sqlalchemy.orm import Session

from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import digest
from omnimix.data.catalogue import Categories, catalogue, declared_last, sold
from omnimix.data.counts import Counts, IngestReport
from omnimix.data.derived import last_reported, order_events
from omnimix.data.identity.rules import STANDARD, IdentityRules
from omnimix.data.intake import Intake, Progress, Taken, take_in
from omnimix.data.quarantine import Rejected, corrections, forget_file, put, supersede
from omnimix.data.rows import DerivedRow, IngestFileRow
from omnimix.data.source.mapping import Shape, locate, shape
from omnimix.data.source.read import File, files, open_file
from omnimix.data.source.spec import Holds, Source
from omnimix.data.told import LINES
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.vault import Vault
from omnimix.store.facts import SCHEMAS
from omnimix.store.ledger import Ledger
from omnimix.store.turns import turn
from omnimix.store.warehouse import Warehouse

_FACTS = ("event", "order_line", "trait", "consent", "product", "spend", "link")
_KEPT = ("order_line", "event", "trait", "consent", "declared_product", "reported_spend", LINES)
LOCK = "intake.lock"  # beside the facts: one process at a time takes in
_VERSION = 1  # raised when derived facts are computed differently


def silent(_step: str) -> None:
    """Progress that nobody looks at."""


def intake_of(
    *,
    warehouse: Warehouse,
    ledger: Ledger,
    vault: Vault,
    key: WorkspaceKey,
    now: datetime,
    identity: IdentityRules = STANDARD,
    progress: Progress = silent,
) -> Intake:
    """Everything that taking in needs, with the people known so far."""
    return Intake(
        warehouse=warehouse,
        ledger=ledger,
        vault=vault,
        pseudonyms=Pseudonyms(key),
        row_key=key.subkey("rows"),
        now=now,
        identity=identity,
        progress=progress,
    )


def ingest(
    sources: Mapping[str, Source],
    *,
    root: Path,
    warehouse: Warehouse,
    ledger: Ledger,
    vault: Vault,
    key: WorkspaceKey,
    now: datetime,
    identity: IdentityRules = STANDARD,
    progress: Progress = silent,
) -> IngestReport:
    """Take in every source. A file that is known, under an unchanged source, is skipped and its counts repeated.

    `progress` is told each step before it is done. Raises InvalidInput, NotFound or Unavailable for a source that
    cannot be read at all; what was taken in before stays, and the next run goes on from there.
    """
    forms = [shape(name, source) for name, source in sources.items()]
    with turn(warehouse.root.parent / LOCK):
        intake = intake_of(
            warehouse=warehouse,
            ledger=ledger,
            vault=vault,
            key=key,
            now=now,
            identity=identity,
            progress=progress,
        )
        counts = {form.key: _take_source(intake, form, root) for form in forms}
        refresh(intake, forms)
        return report(intake, counts)


def report(intake: Intake, counts: Mapping[str, Counts]) -> IngestReport:
    """The counts together with the rows kept of each fact."""
    warehouse = intake.warehouse
    kept = {fact: _rows_of(warehouse, fact) for fact in _FACTS}
    people = warehouse.table("link").aggregate(n=ibis._.profile_id.nunique())
    return IngestReport(counts, kept, int(warehouse.arrow(people)["n"][0].as_py()))


def _rows_of(warehouse: Warehouse, fact: str) -> int:
    return int(warehouse.arrow(warehouse.table(fact).count().as_table()).column(0)[0].as_py())


def _take_source(intake: Intake, form: Shape, root: Path) -> Counts:
    there = files(form, root=root, staging=intake.staging)
    with intake.ledger() as session:
        query = select(IngestFileRow).where(IngestFileRow.source == form.key)
        known = {row.digest: row for row in session.scalars(query)}
    waiting = [f for f in there if f.digest not in known or known[f.digest].spec != form.digest]
    pending = {f"{form.key}/{f.digest}" for f in waiting}
    present = {f.digest for f in there}
    total = Counts()
    for file in {f.digest: f for f in there}.values():
        part = f"{form.key}/{file.digest}"
        if part in pending:
            older = [d for d, row in known.items() if row.file == file.name and d not in present]
            total += _take_file(intake, form, file, pending, older)
            pending.discard(part)
        else:
            total += _counts(known[file.digest]) + Counts(files=1, skipped=1)
    if form.source.url:
        for file in there:
            file.path.unlink(missing_ok=True)
    return total


def _counts(row: IngestFileRow) -> Counts:
    return Counts(
        lines_read=row.lines_read,
        accepted=row.accepted,
        duplicates=row.duplicates,
        rejected=row.rejected,
        ignored=row.ignored,
        unidentified=row.unidentified,
    )


def _take_file(
    intake: Intake, form: Shape, file: File, pending: Collection[str], older: Collection[str]
) -> Counts:
    """Take in one file. `older` are the digests of what stood under its name before."""
    part = f"{form.key}/{file.digest}"
    opened = open_file(form, file)
    found = locate(form, opened.columns, where=file.name, open_ended=opened.open_ended)
    corrected = corrections(intake.ledger, source=form.key, digest=file.digest, vault=intake.vault)
    stale = [p for p in intake.warehouse.parts(LINES) if p.startswith(f"{part}+")]
    for fact in _KEPT:
        for replayed in stale:
            intake.warehouse.drop(fact, part=replayed)
    waiting = [p for p in intake.warehouse.parts(LINES) if p.partition("+")[0] in pending]
    taken = take_in(
        intake,
        form,
        file,
        found,
        opened.batches(),
        part=part,
        pending=waiting,
        corrected=corrected,
        older=[f"{form.key}/{d}" for d in older],
    )
    if not taken.counts.lines_read:
        raise InvalidInput("the file has no rows below its header", where=file.name, fix="export it again")
    intake.progress(f"{form.key}: record {file.name}")
    with intake.ledger.begin() as session:
        _record(session, intake, form, file, taken, corrected)
        for digest_ in older:  # should it come back, it is read anew
            session.get_one(IngestFileRow, (form.key, digest_)).spec = ""
    return taken.counts + Counts(files=1)


def _record(
    session: Session, intake: Intake, form: Shape, file: File, taken: Taken, corrected: Collection[int]
) -> None:
    failed = {line.line for line in taken.rejected}
    kept = set(corrected) - failed
    forget_file(session, source=form.key, digest=file.digest, keep=kept)
    supersede(session, source=form.key, file=file.name, digest=file.digest)
    session.flush()
    put_rejected(session, intake, form, file, taken.rejected)
    counts = taken.counts
    session.merge(
        IngestFileRow(
            source=form.key,
            digest=file.digest,
            spec=form.digest,
            file=file.name,
            lines_read=counts.lines_read,
            accepted=counts.accepted,
            duplicates=counts.duplicates,
            rejected=counts.rejected,
            ignored=counts.ignored,
            unidentified=counts.unidentified,
            recorded_at=intake.now,
        )
    )


def put_rejected(session: Session, intake: Intake, form: Shape, file: File, rejected: list[Rejected]) -> None:
    """Quarantine a file's rejected lines in the caller's transaction."""
    put(
        session,
        rejected,
        source=form.key,
        digest=file.digest,
        file=file.name,
        vault=intake.vault,
        now=intake.now,
    )


def refresh(intake: Intake, forms: Collection[Shape]) -> None:
    """Compute derived facts again where what they are made from changed."""
    warehouse = intake.warehouse
    for form in forms:
        if form.holds is Holds.ORDERS:
            _derive(
                intake, f"event/{form.key}", _inputs(intake, [form.key]), partial(_events, warehouse, form.key)
            )
    rules = {form.key: form.source.categories for form in forms}
    keys = [form.key for form in forms if form.holds in (Holds.ORDERS, Holds.PRODUCTS)]
    _derive(
        intake,
        "product",
        _inputs(intake, keys, list(map(str, rules.items()))),
        partial(_products, warehouse, rules),
    )
    spend = [form.key for form in forms if form.holds is Holds.SPEND]
    _derive(intake, "spend", _inputs(intake, spend), partial(_spend, warehouse))


def _inputs(intake: Intake, sources: list[str], more: list[str] | None = None) -> str:
    """What a derived fact depends on, as a digest: the files of its sources as they were counted."""
    order = (IngestFileRow.source, IngestFileRow.digest)
    with intake.ledger() as session:
        query = select(IngestFileRow).where(IngestFileRow.source.in_(sources)).order_by(*order)
        rows = [[r.source, r.digest, r.spec, r.accepted, r.rejected] for r in session.scalars(query)]
    return digest([_VERSION, rows, more])


def _derive(intake: Intake, name: str, inputs: str, compute: Callable[[], None]) -> None:
    with intake.ledger() as session:
        known = session.get(DerivedRow, name)
    if known is not None and known.inputs == inputs:
        return
    intake.progress(f"derive {name}")
    compute()
    with intake.ledger.begin() as session:
        session.merge(DerivedRow(part=name, inputs=inputs))


def _events(warehouse: Warehouse, key: str) -> None:
    parts = [p for p in warehouse.parts("order_line") if p.startswith(f"{key}/")]
    if parts:
        warehouse.write("event", order_events(warehouse.table("order_line", parts)), part=f"{key}/(orders)")
    else:
        warehouse.drop("event", part=f"{key}/(orders)")


def _products(warehouse: Warehouse, rules: Categories) -> None:
    declared = None
    if warehouse.parts("declared_product"):
        declared = warehouse.arrow(declared_last(warehouse.table("declared_product")))
    sold_rows = warehouse.arrow(sold(warehouse.table("order_line")))
    warehouse.write("product", catalogue(sold_rows, declared, categories=rules))


def _spend(warehouse: Warehouse) -> None:
    if warehouse.parts("reported_spend"):
        warehouse.write("spend", last_reported(warehouse.table("reported_spend")))
    else:
        warehouse.write("spend", SCHEMAS["spend"].to_pyarrow().empty_table())
