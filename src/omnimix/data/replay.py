"""Quarantined lines tried again, after the mapping or the lines themselves were put right.

in   sources as they are now, corrections by line
out  lines that pass join the facts and leave the quarantine; the others stay with their present faults
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from omnimix.core.errors import NotFound
from omnimix.core.hashing import digest
from omnimix.data.counts import Counts, IngestReport
from omnimix.data.identity.rules import STANDARD, IdentityRules
from omnimix.data.ingest import LOCK, intake_of, put_rejected, refresh, report, silent
from omnimix.data.intake import Intake, Progress, Taken, take_in
from omnimix.data.quarantine import Quarantined, quarantined
from omnimix.data.rows import IngestFileRow, QuarantineRow
from omnimix.data.settled import day_of
from omnimix.data.source.batch import EXTRA, LINE, Batch, Broken, Record, from_records
from omnimix.data.source.json_file import read_line
from omnimix.data.source.mapping import Shape, locate, shape
from omnimix.data.source.read import File
from omnimix.data.source.spec import Source
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.vault import Vault
from omnimix.store.ledger import Ledger
from omnimix.store.turns import turn
from omnimix.store.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person put right in one quarantined line: their column → the right value, None to blank it."""

    source: str
    digest: str
    line: int
    values: Mapping[str, str | None]


def replay(
    sources: Mapping[str, Source],
    *,
    corrections: tuple[Correction, ...] = (),
    warehouse: Warehouse,
    ledger: Ledger,
    vault: Vault,
    key: WorkspaceKey,
    now: datetime,
    identity: IdentityRules = STANDARD,
    progress: Progress = silent,
) -> IngestReport:
    """Try every quarantined line of these sources again. The report counts the lines tried.

    Raises NotFound for a correction of a line that is not in quarantine.
    """
    forms = {name: shape(name, source) for name, source in sources.items()}
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
        right = {(c.source, c.digest, c.line): dict(c.values) for c in corrections}
        open_lines = quarantined(ledger, vault=vault)
        unknown = right.keys() - {(q.source, q.digest, q.line) for q in open_lines}
        if unknown:
            source, _, line = min(unknown)
            raise NotFound(f"line {line} of {source!r} is not in quarantine", fix="list the quarantine first")
        waiting: dict[tuple[str, str], dict[int, Quarantined]] = defaultdict(dict)
        for fault in open_lines:
            if fault.source in forms:
                waiting[fault.source, fault.digest].setdefault(fault.line, fault)
        counts: dict[str, Counts] = defaultdict(Counts)
        for (source, of_file), lines in waiting.items():
            mine = {line: values for (s, d, line), values in right.items() if (s, d) == (source, of_file)}
            counts[source] += _replay_file(intake, forms[source], of_file, lines, mine)
        refresh(intake, list(forms.values()))
        return report(intake, counts)


def _replay_file(
    intake: Intake,
    form: Shape,
    of_file: str,
    lines: Mapping[int, Quarantined],
    right: Mapping[int, dict[str, str | None]],
) -> Counts:
    records = {line: _corrected(dict(lines[line].record), right.get(line)) for line in sorted(lines)}
    batch = _batch(records)
    name = next(iter(lines.values())).file
    found = locate(form, batch.table.column_names, where=name, open_ended=True)
    file = File(intake.staging, name, of_file)
    part = f"{form.key}/{of_file}+{digest(records)[:12]}"
    taken = take_in(intake, form, file, found, iter([batch]), part=part)
    intake.progress(f"{form.key}: record replay of {name}")
    with intake.ledger.begin() as session:
        _clear(session, intake, form, file, taken, records, set(right))
    return taken.counts + Counts(files=1)


def _corrected(record: Record, values: dict[str, str | None] | None) -> Record:
    if not values:
        return record
    whole = {name: value for name, value in {**record, **values}.items() if name != EXTRA}
    return {name: value for name, value in whole.items() if value is not None}


def _batch(records: Mapping[int, Record]) -> Batch:
    """The records as a batch; those that could not be read whole still cannot, unless they were put right."""
    rows: list[Record] = []
    broken: dict[int, Broken] = {}
    for position, record in enumerate(records.values()):
        read: Record | Broken = record
        if record.keys() == {LINE}:
            read = read_line((record[LINE] or "").encode())
        elif EXTRA in record:
            read = Broken("still does not have the fields of the header", record)
        if isinstance(read, Broken):
            broken[position] = read
        rows.append({} if isinstance(read, Broken) else read)
    return from_records(rows, list(records), broken)


def _clear(
    session: Session,
    intake: Intake,
    form: Shape,
    file: File,
    taken: Taken,
    records: Mapping[int, Record],
    right: set[int],
) -> None:
    """Passed lines leave the quarantine, keeping a correction for the day the file is read anew."""
    failed = {line.line for line in taken.rejected}
    query = select(QuarantineRow).where(QuarantineRow.source == form.key, QuarantineRow.digest == file.digest)
    for row in session.scalars(
        query.where(QuarantineRow.line.in_(records), QuarantineRow.cleared.is_(False))
    ).all():
        if row.line in failed or not (row.line in right or row.corrected):
            session.delete(row)
        else:
            plain = json.dumps({"value": None, "record": records[row.line]})
            row.sealed = intake.vault.seal_record(plain.encode())
            row.cleared, row.corrected = True, True
    session.flush()
    put_rejected(session, intake, form, file, taken.rejected)
    known = session.get(IngestFileRow, (form.key, file.digest)) or session.get(
        IngestFileRow, (form.key, day_of(file.name))
    )
    if known is not None:
        counts = taken.counts
        known.rejected -= counts.lines_read - counts.rejected
        known.accepted += counts.accepted
        known.duplicates += counts.duplicates
        known.ignored += counts.ignored
        known.unidentified += counts.unidentified
