"""Settling: what waits in the inbox becomes facts, the same way in as files.

in   the inbox, the seal, the sources that write keys stand for, an open Intake
out  event rows by day, links, vault entries, quarantine; counts that add up; logs taken in are gone

A closed log is taken in like a file and deleted only when its facts and its row in the ledger are there. Cut short
at any step, the next settling does the same again to the same end. Ledger rows of logs that are gone are then put
together, one a source and day, so that the ledger does not grow with time.
"""

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from omnimix.data.counts import Counts
from omnimix.data.daily import fold
from omnimix.data.ingest import put_rejected
from omnimix.data.intake import Intake, take_in
from omnimix.data.live.lines import batches, sources_in
from omnimix.data.quarantine import forget_file
from omnimix.data.settled import add_up_days, is_settled, row_of
from omnimix.data.source.mapping import Found, Shape, shape
from omnimix.data.source.read import File
from omnimix.data.source.spec import Source
from omnimix.data.told import LINES
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Inbox


def settle(
    inbox: Inbox,
    *,
    seal: Seal,
    sources: Mapping[str, Source],
    other: Source,
    intake: Intake,
    before: Callable[[Sequence[Path]], object] = len,
    close: bool = True,
) -> dict[str, Counts]:
    """Take in everything that was acknowledged until now. Counts by source, `files` being logs.

    `other` reads events of a write key that omnimix.toml no longer names: what was acknowledged is kept. `before`
    gets the logs that are taken in: whoever else reads them does so then, before they go. Without `close` the log
    that is being written stays as it is, for the next time.
    Raises Tampered when a log does not open under this workspace key.
    """
    for left in intake.staging.glob("*/"):  # of a settling that was cut short; nobody else works here now
        shutil.rmtree(left, ignore_errors=True)
    if close:
        inbox.close_log()
    found: dict[str, Counts] = defaultdict(Counts)
    logs = inbox.closed()
    before(logs)
    for log in logs:
        with log.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        for name in sources_in(log, seal):
            form = shape(name, sources.get(name, other))
            if not is_settled(intake.ledger, name, digest):
                found[name] += _take_log(intake, form, log, digest, seal)
        inbox.remove(log)
    for name in found:
        add_up_days(intake.ledger, name, waiting={log.name for log in inbox.closed()})
        fold(intake.warehouse, LINES, folder=name)
    return dict(found)


def _take_log(intake: Intake, form: Shape, log: Path, digest: str, seal: Seal) -> Counts:
    file = File(log, log.name, digest)
    taken = take_in(
        intake,
        form,
        file,
        Found({}, open_ended=True),
        batches(log, seal, source=form.key),
        part=f"{form.key}/{log.stem}",
        daily=True,
    )
    intake.progress(f"{form.key}: record {log.name}")
    with intake.ledger.begin() as session:
        forget_file(session, source=form.key, digest=digest)
        session.flush()
        put_rejected(session, intake, form, file, taken.rejected)
        session.merge(
            row_of(form.key, digest, spec=form.digest, log=log.name, counts=taken.counts, now=intake.now)
        )
    return taken.counts + Counts(files=1)
